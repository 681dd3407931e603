using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Chat;

/// <summary>Something a chat shows.</summary>
internal abstract record ChatEvent
{
    private ChatEvent() { }

    /// <summary>The peer is registered, for the first time or again.</summary>
    public sealed record Registered(string? Name, PeerId Id) : ChatEvent;

    /// <summary>The server is lost; connections on direct paths go on.</summary>
    public sealed record ServerLost(string Text) : ChatEvent;

    /// <summary>Somebody came or went.</summary>
    public sealed record Presence(string Peer, PeerId Id, bool IsOnline) : ChatEvent;

    /// <summary>A call goes out.</summary>
    public sealed record Calling(string Peer) : ChatEvent;

    /// <summary>The person there is being asked.</summary>
    public sealed record Ringing : ChatEvent;

    /// <summary>Somebody calls and wants an answer.</summary>
    public sealed record Incoming(string Peer, PeerId Id) : ChatEvent;

    /// <summary>A caller gave up before it was answered.</summary>
    public sealed record CallEnded(string Peer) : ChatEvent;

    /// <summary>A chat with a peer begins.</summary>
    public sealed record Connected(string Peer, PeerId Id, bool IsIncoming, bool IsNew) : ChatEvent;

    /// <summary>A chat is on a path.</summary>
    public sealed record Path(string Peer, ConnectionPath On) : ChatEvent;

    /// <summary>Why a chat is on its path.</summary>
    public sealed record Reason(string Peer, PathVerdict Verdict) : ChatEvent;

    /// <summary>A check of a punch; shown where a trace was asked for.</summary>
    public sealed record Check(PeerEvent.CheckTraced Traced, double At) : ChatEvent;

    /// <summary>A pair of addresses passes checks.</summary>
    public sealed record Pair(TransportAddress Local, TransportAddress Remote, double At) : ChatEvent;

    /// <summary>A message arrived.</summary>
    public sealed record Message(string Peer, string Text, PathKind Kind) : ChatEvent;

    /// <summary>A message was handed to the connections of these peers, and missed those in the room who are not connected.</summary>
    public sealed record Sent(IReadOnlyList<string> Peers, ulong Number, string Text, IReadOnlyList<string> Missed) : ChatEvent;

    /// <summary>A message was shown at the peer.</summary>
    public sealed record Delivered(string Peer, ulong Number, TimeSpan RoundTrip, PathKind Kind) : ChatEvent;

    /// <summary>A chat ended.</summary>
    public sealed record Left(string Peer, PeerError Error, string Text, int Undelivered) : ChatEvent;

    /// <summary>Something happened to files that go to a peer, or come from it.</summary>
    public sealed record File(string Peer, string Name, FileNews News) : ChatEvent;

    /// <summary>Who is there, as was asked for.</summary>
    public sealed record PeersListed(IReadOnlyList<ChatPeer> List) : ChatEvent;

    /// <summary>The words of a connection, for two people to compare.</summary>
    public sealed record Verified(string Peer, string Words) : ChatEvent;

    /// <summary>What can be typed.</summary>
    public sealed record Help : ChatEvent;

    /// <summary>Something else that was asked for.</summary>
    public sealed record Notice(string Text) : ChatEvent;

    /// <summary>Something that was asked for could not be done.</summary>
    public sealed record Failed(PeerError Error, string Text) : ChatEvent;
}
