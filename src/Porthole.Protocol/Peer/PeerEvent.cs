using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Ice;
using Porthole.Protocol.PortMapping;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>What a peer has to tell its program. Those about one connection carry its handle.</summary>
public abstract record PeerEvent
{
    private PeerEvent() { }

    /// <summary>The peer is registered, with its proved addresses, and can be connected to. Comes again after each reconnect.</summary>
    /// <param name="Name">The name; null when none was asked for.</param>
    /// <param name="Id">The peer's own id.</param>
    public sealed record Registered(string? Name, PeerId Id) : PeerEvent;

    /// <summary>The server is out of reach, or said no to the registration.</summary>
    /// <param name="Error">Why.</param>
    /// <param name="Text">One line for a person.</param>
    /// <param name="WillRetry">Whether the peer goes on trying by itself.</param>
    public sealed record ServerLost(PeerError Error, string Text, bool WillRetry) : PeerEvent;

    /// <summary>The server's key, at first contact.</summary>
    /// <param name="Key">The key, to be kept for the next time.</param>
    public sealed record ServerKeyLearned(PublicKey Key) : PeerEvent;

    /// <summary>What was found out about the NATs in front of this host.</summary>
    /// <param name="Report">The newest findings.</param>
    public sealed record NatReported(NatReport Report) : PeerEvent;

    /// <summary>What the gateways of this host map for the peer has changed, or they do not.</summary>
    /// <param name="Ports">All that is mapped now.</param>
    /// <param name="Problem">Why a gateway maps nothing, in one line for a person; null when there is nothing to say.</param>
    public sealed record PortsMapped(ImmutableArray<MappedPort> Ports, string? Problem) : PeerEvent;

    /// <summary>A local port, of UDP or TCP, cannot be had although it was asked for.</summary>
    /// <param name="Error">Why.</param>
    /// <param name="Text">One line for a person.</param>
    public sealed record SocketsFailed(PeerError Error, string Text) : PeerEvent;

    /// <summary>Another peer came or went.</summary>
    /// <param name="Peer">Who.</param>
    /// <param name="Online">Whether it is there now.</param>
    public sealed record PresenceChanged(PeerInfo Peer, bool Online) : PeerEvent;

    /// <summary>The answer to <see cref="PeerMachine.RequestPeers"/>.</summary>
    /// <param name="Peers">Who is online and may be seen.</param>
    public sealed record PeersListed(ImmutableArray<PeerInfo> Peers) : PeerEvent;

    /// <summary>Nobody is turned away any more whom <see cref="PeerMachine.TryAllow"/> lets in: the server knows it, or learns it with the next registration.</summary>
    public sealed record AllowListTaken : PeerEvent;

    /// <summary>Somebody wants to connect and the policy is to ask: answer with <see cref="PeerMachine.Accept"/> or <see cref="PeerMachine.Refuse"/>.</summary>
    /// <param name="Connection">The connection to be.</param>
    /// <param name="Key">The caller's key, as the server says; the handshake proves it later.</param>
    /// <param name="Name">The caller's name; null for none.</param>
    public sealed record Incoming(ConnectionHandle Connection, PublicKey Key, string? Name) : PeerEvent;

    /// <summary>An incoming connection was turned away before the program heard of it.</summary>
    /// <param name="Peer">Who wanted in.</param>
    /// <param name="Name">The name it goes by; null for none.</param>
    /// <param name="Error">Why not.</param>
    /// <param name="Text">One line for a person.</param>
    public sealed record TurnedAway(PeerId Peer, string? Name, PeerError Error, string Text) : PeerEvent;

    /// <summary>The peer is being asked whether it takes the connection.</summary>
    /// <param name="Connection">The connection.</param>
    public sealed record Ringing(ConnectionHandle Connection) : PeerEvent;

    /// <summary>This side came first to a meeting, and waits for the other. Comes again after a reconnect.</summary>
    /// <param name="Connection">The connection.</param>
    public sealed record Waiting(ConnectionHandle Connection) : PeerEvent;

    /// <summary>Two strangers are there, and each has been told the other's addresses; the handshake begins.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Peer">The other side's id, as the server says.</param>
    /// <param name="Candidates">The other side's addresses, as far as this side may know them.</param>
    public sealed record Introduced(ConnectionHandle Connection, PeerId Peer, ImmutableArray<CandidateInfo> Candidates) : PeerEvent;

    /// <summary>Somebody came to the meeting, but not with the same code; this side goes on waiting.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Left">How often that may still happen before the code is burnt.</param>
    public sealed record CodeMissed(ConnectionHandle Connection, int Left) : PeerEvent;

    /// <summary>The connection stands: the peer has proved its key, streams may be opened.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Key">The peer's key.</param>
    /// <param name="Name">The name that was dialled, or that the caller goes by; null for none.</param>
    /// <param name="IsIncoming">Whether the peer called.</param>
    public sealed record Opened(ConnectionHandle Connection, PublicKey Key, string? Name, bool IsIncoming) : PeerEvent
    {
        /// <summary>Whether anything says whose key that is: what was dialled, or a common code. False for strangers of a lobby, who are not to be remembered.</summary>
        public bool IsAuthenticated { get; init; } = true;

        /// <summary>Which run of the peer's program it is, as the server says: two connections of one run are to the same program.</summary>
        public InstanceId Instance { get; init; }
    }

    /// <summary>The first sealed round trip is done.</summary>
    /// <param name="Connection">The connection.</param>
    public sealed record Confirmed(ConnectionHandle Connection) : PeerEvent;

    /// <summary>The connection could not be had.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Error">Why.</param>
    /// <param name="Text">One line for a person: what, why, what to do.</param>
    public sealed record Failed(ConnectionHandle Connection, PeerError Error, string Text) : PeerEvent;

    /// <summary>Checks went both ways between two addresses (the first such pair of a punch).</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Local">The local address.</param>
    /// <param name="Remote">The peer's address.</param>
    public sealed record PairFound(ConnectionHandle Connection, TransportAddress Local, TransportAddress Remote) : PeerEvent;

    /// <summary>The session moved.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Path">The path it is on now.</param>
    public sealed record PathChanged(ConnectionHandle Connection, ConnectionPath Path) : PeerEvent;

    /// <summary>Why the path is what it is has a new answer.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Verdict">The answer.</param>
    public sealed record VerdictChanged(ConnectionHandle Connection, PathVerdict Verdict) : PeerEvent;

    /// <summary>One step of one connectivity check, for whoever wants to watch the punch.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Step">What happened.</param>
    /// <param name="Local">The local address.</param>
    /// <param name="Remote">The peer's address.</param>
    /// <param name="Attempt">How often this check was sent, from 1; 0 for a received one.</param>
    public sealed record CheckTraced(ConnectionHandle Connection, CheckStep Step, TransportAddress Local, TransportAddress Remote, int Attempt) : PeerEvent;

    /// <summary>A method of a punch began (<see cref="AttemptOutcome.Running"/>), or ended.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Attempt">The method, what it has cost so far, and what came of it.</param>
    public sealed record MethodTried(ConnectionHandle Connection, MethodAttempt Attempt) : PeerEvent;

    /// <summary>Something happened inside the session that the program waits for: streams and datagrams.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Event">What: a stream's opening, reading, writing or end, streams to be had again, or a datagram.</param>
    public sealed record SessionActivity(ConnectionHandle Connection, SessionEvent Event) : PeerEvent;

    /// <summary>The connection is over.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="Error">Why.</param>
    /// <param name="Code">The code that came with it.</param>
    /// <param name="Text">The reason that came with it, or one line for a person.</param>
    public sealed record Closed(ConnectionHandle Connection, PeerError Error, ulong Code, string Text) : PeerEvent;
}
