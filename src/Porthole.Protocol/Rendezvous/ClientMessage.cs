using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What a client says to the server: the control messages of one direction, a closed set.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Hello), "hello")]
[JsonDerivedType(typeof(Allow), "allow")]
[JsonDerivedType(typeof(Know), "know")]
[JsonDerivedType(typeof(Register), "register")]
[JsonDerivedType(typeof(Update), "update")]
[JsonDerivedType(typeof(Connect), "connect")]
[JsonDerivedType(typeof(Meet), "meet")]
[JsonDerivedType(typeof(Met), "met")]
[JsonDerivedType(typeof(Accept), "accept")]
[JsonDerivedType(typeof(Refuse), "refuse")]
[JsonDerivedType(typeof(Candidates), "candidates")]
[JsonDerivedType(typeof(Restart), "restart")]
[JsonDerivedType(typeof(Outcome), "outcome")]
[JsonDerivedType(typeof(Reopen), "reopen")]
[JsonDerivedType(typeof(Release), "release")]
[JsonDerivedType(typeof(Peers), "peers")]
[JsonDerivedType(typeof(Ping), "ping")]
[JsonDerivedType(typeof(Pong), "pong")]
public abstract record ClientMessage
{
    private ClientMessage() { }

    /// <summary>The first message after the handshake.</summary>
    /// <param name="Version">The protocol version.</param>
    /// <param name="Instance">Which run of the program.</param>
    /// <param name="Token">The access token; null for none.</param>
    public sealed record Hello(int Version, InstanceId Instance, string? Token = null) : ClientMessage
    {
        /// <summary>Without the token.</summary>
        public override string ToString() => $"Hello({Version}, {Instance})";
    }

    /// <summary>The peers that the accept policy lets in; before the registration they belong to.</summary>
    /// <param name="List">At most 256 peers.</param>
    public sealed record Allow(ImmutableArray<PeerId> List) : ClientMessage;

    /// <summary>The peers that this peer knows, for presence; before the registration they belong to.</summary>
    /// <param name="List">At most 256 peers.</param>
    public sealed record Know(ImmutableArray<PeerId> List) : ClientMessage;

    /// <summary>Everything the peer says about itself; replaces what it said before.</summary>
    /// <param name="Name">The name it asks for; null for none.</param>
    /// <param name="Policy">Whose connections it takes.</param>
    /// <param name="Presence">Who sees it.</param>
    /// <param name="Room">The room of <see cref="PresenceMode.Room"/>.</param>
    /// <param name="List">Its candidates.</param>
    /// <param name="Nat">What it knows about its NAT.</param>
    public sealed record Register(
        string? Name, AcceptPolicy Policy, PresenceMode Presence, string? Room, ImmutableArray<CandidateInfo> List, NatFacts Nat) : ClientMessage;

    /// <summary>New candidates in place of all the old ones, for the sessions to come.</summary>
    /// <param name="List">Its candidates.</param>
    /// <param name="Nat">What it knows about its NAT.</param>
    public sealed record Update(ImmutableArray<CandidateInfo> List, NatFacts Nat) : ClientMessage;

    /// <summary>Asks for a session.</summary>
    /// <param name="Session">Its number, drawn by the client.</param>
    /// <param name="Target">A name or a peer id, as the user wrote it.</param>
    /// <param name="Instance">One run of the peer's program; null for the one that was active last.</param>
    /// <param name="Offer">The first handshake message.</param>
    /// <param name="Seen">How many control messages of this connection the client had taken: tells the server whether it knew of a session the other side made.</param>
    public sealed record Connect(SessionId Session, string Target, InstanceId? Instance, HandshakeOffer Offer, long Seen) : ClientMessage;

    /// <summary>Asks for a session with whoever says the same: the first who comes waits, the second is the initiator.</summary>
    /// <param name="Session">Its number, drawn by the client; the first's is given up when the second comes.</param>
    /// <param name="Code">The public part of a pairing code; null for the lobby.</param>
    /// <param name="Offer">The first handshake message; used if this client is the second.</param>
    public sealed record Meet(SessionId Session, string? Code, HandshakeOffer Offer) : ClientMessage;

    /// <summary>Both hold the code of a session that began with <see cref="Meet"/>: it is used up.</summary>
    /// <param name="Session">The session.</param>
    public sealed record Met(SessionId Session) : ClientMessage;

    /// <summary>Takes an incoming session.</summary>
    /// <param name="Session">The session.</param>
    public sealed record Accept(SessionId Session) : ClientMessage;

    /// <summary>Declines an incoming session.</summary>
    /// <param name="Session">The session.</param>
    public sealed record Refuse(SessionId Session) : ClientMessage;

    /// <summary>More candidates for one session (RFC 8838).</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">The generation they belong to; others than the current are dropped.</param>
    /// <param name="List">The new ones.</param>
    public sealed record Candidates(SessionId Session, int Generation, ImmutableArray<CandidateInfo> List) : ClientMessage;

    /// <summary>Asks for new credentials for both sides.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">The generation to be replaced; if it is not the current one, the restart asked for has happened already.</param>
    public sealed record Restart(SessionId Session, int Generation) : ClientMessage;

    /// <summary>Says what a punch came to, once for each generation whose plan asked for it (<see cref="PunchPlan.WantsOutcome"/>).</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">The generation; of others than the current nothing is heard.</param>
    /// <param name="Method">What led to a direct path; <see cref="PunchMethod.Relay"/> when nothing did.</param>
    /// <param name="Reason">Why, as this side sees it: <see cref="VerdictReason.Direct"/> with a method, anything but that and Pending without.</param>
    public sealed record Outcome(SessionId Session, int Generation, PunchMethod Method, VerdictReason Reason) : ClientMessage;

    /// <summary>Asks for the relay of a session that the server may have forgotten.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Peer">The other side.</param>
    /// <param name="Generation">The last generation this side has seen.</param>
    public sealed record Reopen(SessionId Session, PeerId Peer, int Generation) : ClientMessage;

    /// <summary>Gives a session up, or takes a connect back.</summary>
    /// <param name="Session">The session.</param>
    public sealed record Release(SessionId Session) : ClientMessage;

    /// <summary>Asks who is online.</summary>
    public sealed record Peers : ClientMessage;

    /// <summary>Asks for a sign of life.</summary>
    /// <param name="Stamp">Comes back in the answer.</param>
    public sealed record Ping(long Stamp) : ClientMessage;

    /// <summary>The answer to the server's ping, at once.</summary>
    /// <param name="Stamp">The ping's.</param>
    public sealed record Pong(long Stamp) : ClientMessage;
}
