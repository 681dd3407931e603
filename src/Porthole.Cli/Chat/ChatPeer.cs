using Porthole.Protocol.Peer;

namespace Porthole.Cli.Chat;

/// <summary>A line of the list of peers.</summary>
/// <param name="Peer">Who.</param>
/// <param name="State">How they stand to this chat.</param>
/// <param name="Path">The path to them; null where there is none.</param>
/// <param name="RoundTrip">How long there and back takes; null where that is not known.</param>
/// <param name="Undelivered">How many messages they have not acknowledged.</param>
/// <param name="Remark">What else there is to say, or empty.</param>
internal sealed record ChatPeer(string Peer, ChatPeerState State, ConnectionPath? Path, TimeSpan? RoundTrip, int Undelivered, string Remark)
{
    public ChatPeer(string peer, ChatPeerState state, string remark = "") : this(peer, state, null, null, 0, remark) { }

    /// <summary>How they stand, in a few words.</summary>
    public string Standing => State switch
    {
        ChatPeerState.Connected => Path!.InWords,
        ChatPeerState.Connecting => "is being connected",
        ChatPeerState.Leaving => "is leaving",
        ChatPeerState.Calling => $"is calling, /accept {Peer} or /refuse {Peer}",
        ChatPeerState.Missing => "is in the room, not connected",
        ChatPeerState.Online => "online",
    };
}
