using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.PortMapping;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>
/// The whole client as one machine: keeps the main connection, finds out about the NATs, calls and answers peers, and moves each session to the best path
/// there is. Rendezvous, discovery, ICE and sessions meet here and nowhere else.
/// </summary>
public sealed partial class PeerMachine : ISocketUser
{
    private readonly PeerContext _context;
    private readonly List<PeerLink> _links = [];
    private int _nextWriter;
    private int _nextConnecter;
    private bool _isConnectHeld;
    private Instant _now;

    /// <summary>Creates a peer that has done nothing yet.</summary>
    public PeerMachine(PeerMachineOptions options, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(entropy);
        _context = PeerContext.Create(options, entropy);
        _calls = new CallGuard(_context);
        _registrar = new Registrar(_context);
    }

    /// <summary>The peer's own id.</summary>
    public PeerId Id => _context.Self;

    /// <summary>The newest findings about the NATs in front of this host; null before the first.</summary>
    public NatReport? Nat => _registrar.Report;

    /// <summary>What the gateways of this host map for the peer.</summary>
    public ImmutableArray<MappedPort> MappedPorts => _context.Ports.Mapped;

    /// <summary>The server's STUN ports; none before the first welcome.</summary>
    public ImmutableArray<TransportAddress> StunServers => _registrar.Servers;

    /// <summary>How many connections there are, those that are being made or closed included.</summary>
    public int ConnectionCount => _links.Count;

    /// <inheritdoc/>
    public Instant? NextDeadline
    {
        get
        {
            var next = Instant.Earlier(Instant.Earlier(_context.Rendezvous.NextDeadline, _registrar.NextDeadline), _context.Unclaimed.NextDeadline);
            if (_isConnectHeld) next = Instant.Earlier(next, _context.Connects.NextAt);
            foreach (var link in _links) next = Instant.Earlier(next, link.NextDeadline);
            return next;
        }
    }

    /// <summary>Connects to the server and registers; <see cref="PeerEvent.Registered"/> or <see cref="PeerEvent.ServerLost"/> follows.</summary>
    public void Start(Instant now)
    {
        _registrar.Start(now);
        Pump(now);
    }

    /// <summary>Calls a peer. <see cref="PeerEvent.Opened"/> or <see cref="PeerEvent.Failed"/> follows.</summary>
    public ConnectionHandle Connect(Instant now, PeerTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var known = _context.Options.KnownPeers;
        var pin = target.Id is { } id ? known.FindById(id) : target.Name is { } name ? known.FindByName(name) : null;
        var link = PeerLink.Dial(_context, now, target, pin);
        _links.Add(link);
        Pump(now);
        return link.Handle;
    }

    /// <summary>
    /// Meets a stranger: whoever comes to the same server with the same code. Who comes first waits (<see cref="PeerEvent.Waiting"/>);
    /// <see cref="PeerEvent.Introduced"/> follows when both are there, then <see cref="PeerEvent.Opened"/> or <see cref="PeerEvent.Failed"/>.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="code">The pairing code's key, derived before and elsewhere; null for the lobby, where nobody proves anything.</param>
    public ConnectionHandle Meet(Instant now, PairingKey? code)
    {
        var link = PeerLink.Meet(_context, now, code);
        _links.Add(link);
        Pump(now);
        return link.Handle;
    }

    /// <summary>Takes a call that came as <see cref="PeerEvent.Incoming"/>.</summary>
    public void Accept(Instant now, ConnectionHandle connection)
    {
        if (Find(connection) is not { Session: null, IsIncoming: true } link) return;
        link.Accept(now);
        Pump(now);
    }

    /// <summary>Declines a call that came as <see cref="PeerEvent.Incoming"/>.</summary>
    public void Refuse(Instant now, ConnectionHandle connection)
    {
        if (Find(connection) is not { Session: null, IsIncoming: true } link) return;
        _links.Remove(link);
        _context.Rendezvous.Refuse(now, link.Id);
        Pump(now);
    }

    /// <summary>Opens a stream.</summary>
    /// <returns>False when the connection is not open, or the peer takes no more streams now (<see cref="SessionEvent.StreamsAvailable"/> follows).</returns>
    public bool TryOpenStream(Instant now, ConnectionHandle connection, [NotNullWhen(true)] out SessionStream? stream)
    {
        stream = null;
        if (Find(connection) is not { Session: { } session } link || !session.TryOpenStream(now, out stream)) return false;
        link.Pump(now);
        Pump(now);
        return true;
    }

    /// <summary>Takes word that the program wrote to a stream, read from it, or gave it up.</summary>
    public void HandleStreamActivity(Instant now, ConnectionHandle connection, SessionStream stream)
    {
        if (Find(connection) is not { Session: { } session } link) return;
        session.HandleStreamActivity(now, stream);
        link.Pump(now);
        Pump(now);
    }

    /// <summary>Sends a datagram that may be lost (RFC 9221).</summary>
    /// <returns>False when the connection is not open, the queue is full or the datagram does not fit a packet.</returns>
    public bool TrySendDatagram(Instant now, ConnectionHandle connection, ReadOnlySpan<byte> data) =>
        Find(connection) is { Session: { } session } && session.TrySendDatagram(now, data);

    /// <summary>Closes a connection, or takes a call back; the peer is told the code and the reason.</summary>
    public void Close(Instant now, ConnectionHandle connection, ulong code, string reason)
    {
        if (Find(connection) is not { } link) return;
        link.Close(now, code, reason);
        Pump(now);
    }

    /// <summary>What the session of a connection has counted; null when there is none.</summary>
    public SessionStatistics? GetStatistics(ConnectionHandle connection) => Find(connection)?.Session?.Statistics;

    /// <summary>The paths that the session of a connection has now.</summary>
    public IReadOnlyList<PathStatus> GetPaths(ConnectionHandle connection) => Find(connection)?.Session?.Paths ?? [];

    /// <summary>The hash of the handshake, for two people to compare (<c>/verify</c>); empty before the connection is open.</summary>
    public ReadOnlyMemory<byte> GetHandshakeHash(ConnectionHandle connection) => Find(connection)?.Session?.HandshakeHash ?? default;

    /// <summary>Why the path of a connection is what it is; while the first punch is under way, what can be said of it so far.</summary>
    public PathVerdict GetVerdict(ConnectionHandle connection) => Find(connection)?.VerdictSoFar ?? PathVerdict.Pending;

    /// <summary>Lets a peer in without a question from now on, where the accept policy is <see cref="AcceptPolicy.Known"/> or <see cref="AcceptPolicy.Ask"/>; <see cref="PeerEvent.AllowListTaken"/> follows.</summary>
    /// <returns>False when as many are on the list as a server takes.</returns>
    public bool TryAllow(Instant now, PeerId peer)
    {
        if (!_calls.TryAllow(peer)) return false;
        _context.Rendezvous.Allow(now, _context.Allowed);
        Pump(now);
        return true;
    }

    /// <summary>Asks who is online; <see cref="PeerEvent.PeersListed"/> follows.</summary>
    public void RequestPeers(Instant now)
    {
        _context.Rendezvous.RequestPeers(now);
        Pump(now);
    }

    /// <summary>
    /// Leaves the server for good: direct paths go on, and no longer ask anything of it. What goes over the relay ends, and no path that is lost is found again.
    /// </summary>
    public void LeaveServer(Instant now)
    {
        _registrar.Leave(now);
        Pump(now);
    }

    /// <summary>Closes every connection and the main connection. What is to be said still goes out; the driver drains and then closes the sockets.</summary>
    public void Stop(Instant now, ulong code, string reason)
    {
        foreach (var link in _links.ToArray())
        {
            link.Close(now, code, reason);
            link.CloseConnections(now);
        }

        _context.Unclaimed.Clear();
        _registrar.Stop(now);
        Pump(now);
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram));
        Pump(now);
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
        _context.Rendezvous.HandleDeadline(now);
        _registrar.HandleDeadline(now);
        _context.Unclaimed.HandleDeadline(now);
        foreach (var link in _links)
        {
            if (link.NextDeadline <= now) link.HandleDeadline(now);
        }

        Pump(now);
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_context.Rendezvous.TryWrite(now, ref writer) || _registrar.TryWrite(now, ref writer)) return true;

        // Each link in turn, so that one busy connection cannot keep the others from the socket.
        for (int i = 0; i < _links.Count; i++)
        {
            _nextWriter = _nextWriter + 1 < _links.Count ? _nextWriter + 1 : 0;
            if (_links[_nextWriter].TryWrite(now, ref writer)) return true;
        }

        Forget(now);
        return false;
    }

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) =>
        _context.Rendezvous.TryTakeSocketRequest(out request) || _context.Sockets.TryTakeRequest(out request) || _context.TcpPorts.TryTakeRequest(out request)
        || _context.Probe.TryTakeRequest(out request) || _context.TcpProbe.TryTakeRequest(out request) || _context.Background.TryTakeRequest(out request)
        || _context.Unclaimed.TryTakeRequest(out request) || _context.Ports.TryTakeRequest(out request) || _context.Requests.TryDequeue(out request)
        || TryTakeConnect(out request);

    /// <inheritdoc/>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.NetworkChanged changed:
                var gone = _registrar.HandleNetworkChanged(now, changed);
                _context.Sprays.ForgetFailures();
                foreach (var link in _links)
                {
                    if (gone.IsEmpty) link.HandleNetworkChange(now);
                    else link.HandleSocketsGone(now, gone);
                }

                break;
            case SocketEvent.Unreachable unreachable:
                foreach (var link in _links) link.HandleUnreachable(now, unreachable);
                break;
            case SocketEvent.Congested congested when congested.Socket == _context.Rendezvous.Socket:
                SetRelayCongested(true);
                break;
            case SocketEvent.Writable writable when writable.Socket == _context.Rendezvous.Socket:
                SetRelayCongested(false);
                break;
            case SocketEvent.Accepted accepted:
                HandleAccepted(now, accepted);
                break;
            default:
                HandleOther(now, socketEvent);
                break;
        }

        Pump(now);
    }

    /// <summary>Takes the next event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out PeerEvent? peerEvent) => _context.Events.TryDequeue(out peerEvent);

    private void HandleDatagram(Instant now, SocketId socket, TransportAddress remote, Span<byte> datagram)
    {
        if (socket == _context.Rendezvous.Socket)
        {
            if (_context.Rendezvous.HandleMessage(now, socket, datagram)) return;
            if (RelayFrame.TryParse(datagram, out var session, out var packet)) Find(session)?.HandleRelayed(now, packet);
            return;
        }

        if (_context.Ports.Owns(socket))
        {
            _context.Ports.HandleDatagram(now, socket, remote, datagram);
            return;
        }

        switch (PacketKinds.Classify(datagram))
        {
            case PacketKind.Session:
                if (PacketHeader.TryReadConnection(datagram, out var id)) Find(id)?.HandlePacket(now, socket, remote, datagram);
                break;
            case PacketKind.Stun:
                if (_registrar.HandleStun(now, socket, remote, datagram) || HandleUnclaimed(now, socket, datagram)) break;
                foreach (var link in _links)
                {
                    if (link.HandleStun(now, socket, remote, datagram)) break;
                }

                break;
            case PacketKind.TurnChannel or PacketKind.Unknown:
                break;
        }
    }

    private void SetRelayCongested(bool isCongested)
    {
        _context.IsRelayCongested = isCongested;
        foreach (var link in _links) link.SetRelayCongested(isCongested);
    }

    // Loops, because a lambda that captures would be allocated for every packet.
    private PeerLink? Find(ConnectionHandle handle)
    {
        foreach (var link in _links)
        {
            if (link.Handle == handle) return link;
        }

        return null;
    }

    private PeerLink? Find(SessionId id)
    {
        foreach (var link in _links)
        {
            if (link.Id == id) return link;
        }

        return null;
    }

    private void Forget(Instant now)
    {
        for (int i = _links.Count - 1; i >= 0; i--)
        {
            if (!_links[i].IsOver) continue;
            _links[i].CloseConnections(now);
            _links.RemoveAt(i);
        }
    }
}
