using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What the server says to a client: the control messages of one direction, a closed set.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Welcome), "welcome")]
[JsonDerivedType(typeof(Credential), "credential")]
[JsonDerivedType(typeof(Registered), "registered")]
[JsonDerivedType(typeof(Refused), "refused")]
[JsonDerivedType(typeof(SessionBegun), "session")]
[JsonDerivedType(typeof(Superseded), "superseded")]
[JsonDerivedType(typeof(Incoming), "incoming")]
[JsonDerivedType(typeof(Ringing), "ringing")]
[JsonDerivedType(typeof(Waiting), "waiting")]
[JsonDerivedType(typeof(Candidates), "candidates")]
[JsonDerivedType(typeof(Restarted), "restarted")]
[JsonDerivedType(typeof(Reopened), "reopened")]
[JsonDerivedType(typeof(Closed), "closed")]
[JsonDerivedType(typeof(PeerList), "peers")]
[JsonDerivedType(typeof(Presence), "presence")]
[JsonDerivedType(typeof(Ping), "ping")]
[JsonDerivedType(typeof(Pong), "pong")]
public abstract record ServerMessage
{
    private ServerMessage() { }

    /// <summary>The hello is taken.</summary>
    /// <param name="Version">The protocol version.</param>
    /// <param name="Observed">The client's address, as the server sees it.</param>
    /// <param name="Stun">Where STUN answers; an unspecified address stands for the host of the main connection.</param>
    /// <param name="Access">The credential for it.</param>
    public sealed record Welcome(int Version, TransportAddress Observed, ImmutableArray<TransportAddress> Stun, StunAccess Access) : ServerMessage;

    /// <summary>A new STUN credential.</summary>
    /// <param name="Access">The credential.</param>
    public sealed record Credential(StunAccess Access) : ServerMessage;

    /// <summary>The registration stands.</summary>
    /// <param name="Name">The name in its one form; null for none.</param>
    /// <param name="Usable">How many of the candidates may be handed out.</param>
    public sealed record Registered(string? Name, int Usable) : ServerMessage;

    /// <summary>No.</summary>
    /// <param name="Error">Why.</param>
    /// <param name="Session">What it is about; null for the registration or the connection as a whole.</param>
    public sealed record Refused(RendezvousError Error, SessionId? Session = null) : ServerMessage;

    /// <summary>The push.</summary>
    /// <param name="Push">All about the session.</param>
    public sealed record SessionBegun(SessionPush Push) : ServerMessage;

    /// <summary>
    /// Both sides connected at once, or the second came to a meeting: the client's own request is over, the other side's session lives. Its push came before,
    /// or comes next.
    /// </summary>
    /// <param name="Own">The request that is over.</param>
    /// <param name="By">The session that took its place.</param>
    public sealed record Superseded(SessionId Own, SessionId By) : ServerMessage;

    /// <summary>Somebody wants a session with a peer that wants to be asked.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Key">The caller's key.</param>
    /// <param name="Name">The caller's name; null for none.</param>
    /// <param name="Instance">Which run of the caller's program.</param>
    public sealed record Incoming(
        SessionId Session, PublicKey Key, string? Name, InstanceId Instance) : ServerMessage;

    /// <summary>The other side is being asked.</summary>
    /// <param name="Session">The session.</param>
    public sealed record Ringing(SessionId Session) : ServerMessage;

    /// <summary>The client came first to a meeting, and waits.</summary>
    /// <param name="Session">The session it asked for.</param>
    public sealed record Waiting(SessionId Session) : ServerMessage;

    /// <summary>More candidates of the other side.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">Their generation.</param>
    /// <param name="List">The new ones.</param>
    public sealed record Candidates(SessionId Session, int Generation, ImmutableArray<CandidateInfo> List) : ServerMessage;

    /// <summary>New credentials for both sides.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Plan">How to punch.</param>
    public sealed record Restarted(SessionId Session, PunchPlan Plan) : ServerMessage;

    /// <summary>The relay carries the session again.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">The current generation.</param>
    public sealed record Reopened(SessionId Session, int Generation) : ServerMessage;

    /// <summary>The server gave the session up.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Reason">Why.</param>
    public sealed record Closed(SessionId Session, SessionCloseReason Reason) : ServerMessage;

    /// <summary>A part of the answer to a peers request.</summary>
    /// <param name="List">At most 100 peers.</param>
    /// <param name="Last">Whether this is the last part.</param>
    public sealed record PeerList(ImmutableArray<PeerInfo> List, bool Last) : ServerMessage;

    /// <summary>A peer came or went.</summary>
    /// <param name="Peer">Who.</param>
    /// <param name="Online">Whether it is online now.</param>
    public sealed record Presence(PeerInfo Peer, bool Online) : ServerMessage;

    /// <summary>Asks for a sign of life, and measures the round trip.</summary>
    /// <param name="Stamp">Comes back in the answer.</param>
    public sealed record Ping(long Stamp) : ServerMessage;

    /// <summary>The answer to the client's ping, at once.</summary>
    /// <param name="Stamp">The ping's.</param>
    public sealed record Pong(long Stamp) : ServerMessage;
}
