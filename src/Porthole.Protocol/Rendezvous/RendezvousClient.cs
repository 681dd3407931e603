using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// The client's side of the rendezvous protocol: keeps the main connection, registers, asks for sessions and reports what the server says. A part of a
/// machine: the owner routes the messages of <see cref="Socket"/> to it, and carries relay frames over the same socket itself.
/// </summary>
public sealed partial class RendezvousClient
{
    /// <summary>The socket of the main connection; null while there is none. Relay frames may use it while <see cref="IsOnline"/>.</summary>
    public SocketId? Socket => throw new NotImplementedException();

    /// <summary>Whether the server took the hello and the connection lives.</summary>
    public bool IsOnline => throw new NotImplementedException();

    /// <summary>Whether the registration stands on the current connection.</summary>
    public bool IsRegistered => throw new NotImplementedException();

    /// <summary>Which run of the program this is.</summary>
    public InstanceId Instance => throw new NotImplementedException();

    /// <summary>The server's key: pinned, or learned; null before first contact.</summary>
    public PublicKey? ServerKey => throw new NotImplementedException();

    /// <summary>When to call <see cref="HandleDeadline"/>; null when only input can wake it.</summary>
    public Instant? NextDeadline => throw new NotImplementedException();

    /// <summary>Connects; and connects again whenever the connection is lost, until <see cref="Stop"/>. Also starts over after the client gave up.</summary>
    public void Start(Instant now) => throw new NotImplementedException();

    /// <summary>Closes the main connection for good; what was said before is still written first.</summary>
    public void Stop(Instant now) => throw new NotImplementedException();

    /// <summary>Registers, now or as soon as the server is reached, and after each reconnect; replaces the registration before.</summary>
    public void Register(Instant now, Registration registration) => throw new NotImplementedException();

    /// <summary>Replaces the candidates and NAT facts of the registration.</summary>
    public void UpdateCandidates(Instant now, ImmutableArray<CandidateInfo> candidates, NatFacts nat) => throw new NotImplementedException();

    /// <summary>
    /// Asks for a session. Waits for the registration if there is none yet, and is repeated after a reconnect, until a push, a refusal,
    /// <see cref="RendezvousEvent.Superseded"/> or <see cref="Release"/> answers it: the time-out is the owner's.
    /// </summary>
    public void Connect(Instant now, SessionId session, ConnectTarget target, HandshakeOffer offer) => throw new NotImplementedException();

    /// <summary>Takes an incoming session: the push follows.</summary>
    public void Accept(Instant now, SessionId session) => throw new NotImplementedException();

    /// <summary>Declines an incoming session.</summary>
    public void Refuse(Instant now, SessionId session) => throw new NotImplementedException();

    /// <summary>Sends more candidates for one session and generation.</summary>
    public void SendCandidates(Instant now, SessionId session, int generation, ImmutableArray<CandidateInfo> candidates) => throw new NotImplementedException();

    /// <summary>Asks for new credentials for both sides of a session; <see cref="RendezvousEvent.Restarted"/> follows at both.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="session">The session.</param>
    /// <param name="generation">The generation to be replaced: that of the last plan.</param>
    public void Restart(Instant now, SessionId session, int generation) => throw new NotImplementedException();

    /// <summary>
    /// Asks for the relay of a session again, after a reconnect (call it on <see cref="RendezvousEvent.Registered"/>) or when it was closed with
    /// <see cref="SessionCloseReason.PeerDisconnected"/>; <see cref="RendezvousEvent.Reopened"/> follows when the other side is there too.
    /// </summary>
    public void Reopen(Instant now, SessionId session, PeerId peer, int generation) => throw new NotImplementedException();

    /// <summary>Gives a session up, or takes a connect back.</summary>
    public void Release(Instant now, SessionId session) => throw new NotImplementedException();

    /// <summary>Asks who is online; <see cref="RendezvousEvent.PeersListed"/> follows.</summary>
    public void RequestPeers(Instant now) => throw new NotImplementedException();

    /// <summary>Finds out within 5 s whether the connection lives: for the owner whose sessions wait for the relay.</summary>
    public void Probe(Instant now) => throw new NotImplementedException();

    /// <summary>Takes one message that arrived on <see cref="Socket"/>; it may be changed (opened in place).</summary>
    /// <returns>False when it is not this client's business: a relay frame, or another socket's message.</returns>
    public bool HandleMessage(Instant now, SocketId socket, Span<byte> message) => throw new NotImplementedException();

    /// <summary>Takes what became of a socket; other sockets' events are ignored. A change of the network makes it connect again at once.</summary>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent) => throw new NotImplementedException();

    /// <summary>Takes the passing of time.</summary>
    public void HandleDeadline(Instant now) => throw new NotImplementedException();

    /// <summary>Writes the next control message; one message per batch.</summary>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => throw new NotImplementedException();

    /// <summary>Takes the next socket request.</summary>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => throw new NotImplementedException();

    /// <summary>Takes the next event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out RendezvousEvent? rendezvousEvent) => throw new NotImplementedException();
}
