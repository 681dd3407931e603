using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What the rendezvous server, or the way to it, had to say.</summary>
public abstract record RendezvousEvent
{
    private RendezvousEvent() { }

    /// <summary>The server took the hello. What was registered before is registered again without being asked.</summary>
    /// <param name="Local">The local address of the main connection.</param>
    /// <param name="Server">The server's address.</param>
    /// <param name="Observed">This peer's address as the server sees it.</param>
    /// <param name="Stun">The server's STUN addresses; those of the main connection's own host are filled in.</param>
    /// <param name="Access">The credential for them.</param>
    public sealed record Welcomed(
        TransportAddress Local, TransportAddress Server, TransportAddress Observed, ImmutableArray<TransportAddress> Stun, StunAccess Access) : RendezvousEvent;

    /// <summary>A new STUN credential, before the old one ends.</summary>
    /// <param name="Access">The credential.</param>
    public sealed record StunAccessChanged(StunAccess Access) : RendezvousEvent;

    /// <summary>The registration stands. Sessions may be re-opened now.</summary>
    /// <param name="Name">The name as the server wrote it down; null for none.</param>
    /// <param name="Candidates">How many of the candidates may be handed out; the others were not proved.</param>
    public sealed record Registered(string? Name, int Candidates) : RendezvousEvent;

    /// <summary>
    /// A session begins. A session that is known already may be pushed once more after a reconnect, when the push was lost on one side: the handshake goes
    /// on, the plan is new.
    /// </summary>
    /// <param name="Push">All about it.</param>
    public sealed record SessionPushed(SessionPush Push) : RendezvousEvent;

    /// <summary>Both sides connected at once, or the second came to a meeting, and the other side's session is the one that lives. Comes before that session's push, or at once after it.</summary>
    /// <param name="Own">This side's request, which is over.</param>
    /// <param name="By">The session that took its place.</param>
    public sealed record Superseded(SessionId Own, SessionId By) : RendezvousEvent;

    /// <summary>Somebody wants a session: answer with accept or refuse.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Key">The caller's key.</param>
    /// <param name="Name">The caller's name; null for none.</param>
    /// <param name="Instance">Which run of the caller's program.</param>
    public sealed record Incoming(SessionId Session, PublicKey Key, string? Name, InstanceId Instance) : RendezvousEvent;

    /// <summary>The other side is being asked.</summary>
    /// <param name="Session">The session.</param>
    public sealed record Ringing(SessionId Session) : RendezvousEvent;

    /// <summary>This side came first to a meeting, and waits. Comes again after a reconnect.</summary>
    /// <param name="Session">The session.</param>
    public sealed record Waiting(SessionId Session) : RendezvousEvent;

    /// <summary>The server said no.</summary>
    /// <param name="Error">Why.</param>
    /// <param name="Session">What it is about; null for the registration or the connection as a whole.</param>
    public sealed record Refused(RendezvousError Error, SessionId? Session) : RendezvousEvent;

    /// <summary>More candidates of the other side (RFC 8838), of the generation that is current.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">Their generation.</param>
    /// <param name="Candidates">The new ones.</param>
    public sealed record CandidatesReceived(SessionId Session, int Generation, ImmutableArray<CandidateInfo> Candidates) : RendezvousEvent;

    /// <summary>Both sides punch again, with new credentials.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Plan">How to punch; its generation is higher than the last.</param>
    public sealed record Restarted(SessionId Session, PunchPlan Plan) : RendezvousEvent;

    /// <summary>The relay carries the session again.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">The current generation: name it to restart.</param>
    public sealed record Reopened(SessionId Session, int Generation) : RendezvousEvent;

    /// <summary>The server gave the session up, where direct paths go on; or it began one that was asked about and not answered, which was released.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Reason">Why.</param>
    public sealed record SessionClosed(SessionId Session, SessionCloseReason Reason) : RendezvousEvent;

    /// <summary>A peer came or went.</summary>
    /// <param name="Peer">Who.</param>
    /// <param name="Online">Whether it is online now.</param>
    public sealed record Presence(PeerInfo Peer, bool Online) : RendezvousEvent;

    /// <summary>The answer to a peers request.</summary>
    /// <param name="Peers">Who is online and may be seen.</param>
    public sealed record PeersListed(ImmutableArray<PeerInfo> Peers) : RendezvousEvent;

    /// <summary>Nobody is turned away any more whom the list of the last <see cref="RendezvousClient.Allow"/> lets in: the server has it, or gets it with the next registration.</summary>
    public sealed record AllowListTaken : RendezvousEvent;

    /// <summary>The main connection is gone, or could not be made. Sessions on direct paths go on.</summary>
    /// <param name="Reason">Why.</param>
    /// <param name="Detail">What the system said; may be empty.</param>
    /// <param name="RetryAt">When the client tries again by itself; null when it gave up, because trying again cannot help.</param>
    public sealed record Disconnected(RendezvousError Reason, string Detail, Instant? RetryAt) : RendezvousEvent;

    /// <summary>The server's key, at first contact: to be written down, and from now on asked for.</summary>
    /// <param name="Key">The key.</param>
    public sealed record ServerKeyLearned(PublicKey Key) : RendezvousEvent;

    /// <summary>The server does not hold the key that is pinned. Nothing was told to it.</summary>
    /// <param name="Pinned">The key it should hold.</param>
    public sealed record ServerKeyMismatch(PublicKey Pinned) : RendezvousEvent;
}
