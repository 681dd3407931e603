using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Peer;

/// <summary>
/// Keeps the server's picture of this peer true: opens a UDP socket and a TCP punching port on every local address, has the NATs probed from them, and
/// registers the addresses that were proved.
/// </summary>
internal sealed class Registrar(PeerContext context)
{
    /// <summary>
    /// How long the first registration waits for the probes. A network where UDP works answers in one round trip, TCP in two; where neither does, the peer is to
    /// be reached over the relay meanwhile.
    /// </summary>
    public static readonly TimeSpan ProbePatience = TimeSpan.FromMilliseconds(600);

    /// <summary>How often the server is given fresh proofs: it hands an address out for ten minutes after the last.</summary>
    public static readonly TimeSpan RenewalPeriod = TimeSpan.FromMinutes(4);

    /// <summary>
    /// How long the first main connection waits for the punching port that it is to go out from. To open a port takes no time, and without it the connection
    /// goes out from any.
    /// </summary>
    public static readonly TimeSpan PortPatience = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a socket stays open when another has taken its place: a punch may take some tries.</summary>
    private static readonly TimeSpan s_retirement = TimeSpan.FromMinutes(1);

    private readonly Queue<(SocketId Socket, Instant CloseAt)> _retired = [];
    private ImmutableArray<CandidateInfo> _infos = [];
    private ImmutableArray<TransportAddress> _addresses = [];
    private ImmutableArray<TransportAddress> _servers = [];
    private TransportAddress _mainLocal;
    private Instant? _connectBy;
    private Instant? _registerBy;
    private Instant? _renewAt;
    private bool _isProbed;
    private bool _isStarted;
    private bool _isHolding;
    private bool _wasRegistered;

    public NatReport? Report { get; private set; }

    public Instant? NextDeadline => Instant.Earlier(
        Instant.Earlier(Instant.Earlier(Instant.Earlier(_connectBy, _registerBy), _renewAt), _retired.TryPeek(out var oldest) ? oldest.CloseAt : null),
        Instant.Earlier(
            Instant.Earlier(context.Background.NextDeadline, context.Ports.NextDeadline),
            Instant.Earlier(context.Probe.NextDeadline, context.TcpProbe.NextDeadline)));

    private bool IsSettled => context.Options.RelayOnly || (context.Sockets.IsSettled && context.TcpPorts.IsSettled && _isProbed);

    public void Start(Instant now)
    {
        _connectBy = now + PortPatience;
        TryConnect(now);
    }

    public void Stop(Instant now)
    {
        (_isStarted, _connectBy, _registerBy, _renewAt) = (false, null, null, null); // what the probes say of ports that close one by one is no finding
        context.Rendezvous.Stop(now);
        context.Background.Stop();
        context.Ports.Stop(now);
        foreach (var port in context.TcpPorts.Open.ToArray()) context.TcpProbe.RemovePort(now, port.Listener);
        context.TcpPorts.Close();
        context.Probe.CloseSamples();
        context.Sockets.Close();
    }

    /// <summary>Leaves the server; the sockets stay, for the paths that use them.</summary>
    public void Leave(Instant now)
    {
        (_isStarted, _connectBy, _registerBy, _renewAt, _servers) = (false, null, null, null, []);
        context.Background.Stop();
        context.Probe.SetServers(now, [], credential: null);
        context.TcpProbe.SetServers(now, [], credential: null);
        context.Rendezvous.Stop(now);
    }

    /// <summary>Takes the host's addresses.</summary>
    /// <returns>The sockets and listeners that are gone with their addresses.</returns>
    public ImmutableArray<SocketId> HandleNetworkChanged(Instant now, SocketEvent.NetworkChanged changed)
    {
        _addresses = changed.Addresses;
        context.Ports.SetNetwork(now, changed);
        ImmutableArray<SocketId> gone = [];
        if (!context.Options.RelayOnly)
        {
            if (context.Wants(Transports.Udp)) gone = context.Sockets.SetAddresses(_addresses);
            foreach (var socket in gone) context.Probe.RemoveSocket(now, socket);
            context.TcpPorts.ForgetFailures();
            gone = gone.AddRange(ListenTcp(now));
            context.IsReadyToPunch = _isProbed = false; // until the new addresses are proved
            context.Background.HandleNetworkChanged();
            if (context.Wants(Transports.Udp)) context.Probe.Probe(now, isNewNetwork: true);
            if (context.Wants(Transports.Tcp)) context.TcpProbe.Probe(now);
            Refresh();
        }

        // The main connection is given up only with its own address: another interface that comes or goes is no reason.
        if (_isStarted && (!context.Rendezvous.IsOnline || !_addresses.Any(_mainLocal.SameHost))) context.Rendezvous.HandleSocketEvent(now, changed);
        return gone;
    }

    /// <summary>Takes what became of a socket.</summary>
    /// <returns>A UDP socket that is lost.</returns>
    public SocketId? HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        SocketId? lost = null;
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when context.Sockets.Owns(opened.Socket):
                context.Sockets.HandleOpened(opened.Socket, opened.Local);
                context.Probe.AddSocket(now, opened.Socket, opened.Local);
                ListenTcp(now);
                Refresh();
                break;
            case SocketEvent.Opened opened when context.TcpPorts.TryFind(opened.Socket, out _):
                context.TcpPorts.HandleOpened(opened.Socket, opened.Local);
                context.TcpProbe.AddPort(now, opened.Socket, opened.Local);
                if (_isHolding) context.TcpProbe.Hold(now, opened.Socket, isHeld: true);
                Refresh();
                break;
            case SocketEvent.Failed failed when context.Sockets.Owns(failed.Socket):
                context.Probe.RemoveSocket(now, failed.Socket);
                if (!context.Sockets.HandleFailed(failed.Socket, failed.Reason)) TellPortTaken("UDP");
                ListenTcp(now);
                Refresh();
                lost = failed.Socket;
                break;
            case SocketEvent.Opened { Socket: var sample } when context.Probe.Owns(sample):
            case SocketEvent.Failed { Socket: var lostSample } when context.Probe.Owns(lostSample):
                context.Probe.HandleSocketEvent(now, socketEvent);
                break;
            case SocketEvent.Failed failed when context.TcpPorts.TryFind(failed.Socket, out _):
                context.TcpProbe.RemovePort(now, failed.Socket);
                if (!context.TcpPorts.HandleFailed(failed.Socket, failed.Reason)) TellPortTaken("TCP");
                Refresh();
                break;
            default:
                bool isTaken = context.TcpProbe.HandleSocketEvent(now, socketEvent) || context.Background.HandleSocketEvent(now, socketEvent) || context.Ports.HandleSocketEvent(now, socketEvent);
                if (!isTaken) context.Rendezvous.HandleSocketEvent(now, socketEvent);
                break;
        }

        TryConnect(now);
        return lost;
    }

    /// <summary>The STUN ports that the server has named; none before its welcome.</summary>
    public ImmutableArray<TransportAddress> Servers => _servers;

    public bool HandleStun(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> message) =>
        context.Probe.HandleDatagram(now, socket, remote, message) || context.TcpProbe.HandleDatagram(now, socket, remote, message)
        || context.Background.HandleStun(now, socket, remote, message);

    public void HandleWelcomed(Instant now, RendezvousEvent.Welcomed welcomed)
    {
        _mainLocal = welcomed.Local;
        _servers = welcomed.Stun;
        SetServers(now, welcomed.Access);
        _registerBy = now + ProbePatience;
    }

    public void HandleAccess(Instant now, StunAccess access) => SetServers(now, access);

    public void HandleRegistered(Instant now, RendezvousEvent.Registered registered)
    {
        context.IsReadyToPunch = _isProbed;
        _renewAt = now + RenewalPeriod;
        context.Events.Enqueue(new PeerEvent.Registered(registered.Name, context.Self));
        context.Ports.Review(now, Report);
    }

    public void HandleDisconnected(RendezvousEvent.Disconnected disconnected)
    {
        context.IsReadyToPunch = false;
        _registerBy = _renewAt = null;
        string text = disconnected.Detail.Length == 0 ? disconnected.Reason.Text : $"{disconnected.Reason.Text} ({disconnected.Detail})";
        context.Events.Enqueue(new PeerEvent.ServerLost(disconnected.Reason.ToPeerError(), text, disconnected.RetryAt is not null));
    }

    public void HandleRefused(RendezvousError error) =>
        context.Events.Enqueue(new PeerEvent.ServerLost(error.ToPeerError(), error.Text, WillRetry: false));

    public void HandleDeadline(Instant now)
    {
        if (_connectBy <= now) TryConnect(now);
        context.Probe.HandleDeadline(now);
        context.TcpProbe.HandleDeadline(now);
        context.Background.HandleDeadline(now);
        context.Ports.HandleDeadline(now);
        if (_registerBy <= now) Register(now);
        if (_renewAt > now || _renewAt is null) return;
        _renewAt = now + RenewalPeriod;
        Refresh();
        context.Rendezvous.UpdateCandidates(now, _infos, context.Nat);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => context.Probe.TryWrite(now, ref writer) || context.TcpProbe.TryWrite(now, ref writer)
        || context.Background.TryWrite(now, ref writer) || context.Ports.TryWrite(now, ref writer);

    /// <summary>Takes what the probes have to say.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool Pump(Instant now, List<PeerLink> links)
    {
        bool any = false;
        while (context.Probe.TryTakeEvent(out var probeEvent))
        {
            any = true;
            switch (probeEvent)
            {
                case NatProbeEvent.Reported reported:
                    HandleReport(now, reported.Report with { Tcp = Report?.Tcp }, links);
                    break;
                case NatProbeEvent.MappingAgeing ageing:
                    context.Sockets.Renew(ageing.Socket);
                    break;
                case NatProbeEvent.CredentialRefused:
                    break; // the server sends a new credential before the old one ends; until then what was proved stands
            }
        }

        while (context.TcpProbe.TryTakeEvent(out var probeEvent))
        {
            any = true;
            switch (probeEvent)
            {
                case TcpNatProbeEvent.Reported reported:
                    HandleReport(now, (Report ?? NatReport.Unknown) with { Tcp = reported.Report }, links);
                    foreach (var link in links) link.HandleTcpReport(now);
                    break;
                case TcpNatProbeEvent.Sampled sampled:
                    foreach (var link in links) link.HandleSampled(now, sampled.Listener, sampled.Mapped);
                    break;
                case TcpNatProbeEvent.CredentialRefused:
                    break;
            }
        }

        if (context.Background.TryTakeNews() && Report is { } known)
        {
            any = true;
            HandleReport(now, known, links);
        }

        if (context.Ports.Pump())
        {
            any = true;
            if (_isStarted) Announce(now, links);
        }

        if (_registerBy is not null && IsSettled)
        {
            Register(now);
            any = true;
        }

        KeepMappings(now);
        CloseRetired(now, links);
        return any;
    }

    /// <summary>Connects to the server, as soon as the punching ports are open: the main connection goes out from the first, and keeps its mapping alive.</summary>
    private void TryConnect(Instant now)
    {
        if (context.TcpPorts.Open.FirstOrDefault() is { } first) context.Rendezvous.LocalPort = first.Local.Port;
        if (_connectBy is not { } latest || (latest > now && !(context.Sockets.IsSettled && context.TcpPorts.IsSettled))) return;
        (_connectBy, _isStarted) = (null, true);
        context.Rendezvous.Start(now);
    }

    /// <summary>Opens the punching ports: on each address the port of its UDP socket, as soon as that is known.</summary>
    /// <returns>The listeners that were closed.</returns>
    private ImmutableArray<SocketId> ListenTcp(Instant now)
    {
        if (!context.Wants(Transports.Tcp)) return [];
        var wanted = ImmutableArray.CreateBuilder<TransportAddress>();
        foreach (var address in _addresses)
        {
            var socket = context.Sockets.Find(address);
            if (socket is not { IsOpen: false }) wanted.Add(address.WithPort(socket?.Local.Port ?? context.Options.Port));
        }

        var gone = context.TcpPorts.SetAddresses(wanted.ToImmutable());
        foreach (var listener in gone) context.TcpProbe.RemovePort(now, listener);
        return gone;
    }

    private void TellPortTaken(string transport) => context.Events.Enqueue(new PeerEvent.SocketsFailed(
        PeerError.PortInUse, $"{transport} port {context.Options.Port} is taken. Choose another with --port, or leave it out to use any."));

    private void SetServers(Instant now, StunAccess access)
    {
        var credential = new ShortTermCredential(access.Username, access.Password);
        context.Background.SetServers(_servers, credential);
        (context.StunServers, context.StunCredential) = (_servers, credential);
        if (context.Wants(Transports.Udp)) context.Probe.SetServers(now, _servers, credential);
        if (context.Wants(Transports.Tcp)) context.TcpProbe.SetServers(now, _servers, credential);
    }

    /// <summary>Has the probe hold the mappings of the punching ports while any punch needs them.</summary>
    private void KeepMappings(Instant now)
    {
        if (_isHolding == context.TcpPunches > 0) return;
        _isHolding = !_isHolding;
        foreach (var port in context.TcpPorts.Open) context.TcpProbe.Hold(now, port.Listener, _isHolding);
    }

    /// <summary>Puts the sockets whose mappings have just become known in the places of those whose mappings grow old.</summary>
    private void Promote(Instant now, NatReport report, List<PeerLink> links)
    {
        foreach (var mapping in report.Mappings)
        {
            if (!context.Sockets.TryPromote(mapping.Socket, out var retired)) continue;
            context.Probe.RemoveSocket(now, retired);
            _retired.Enqueue((retired, now + s_retirement));
            foreach (var link in links) link.HandleSocketRetiring(now, retired);
        }
    }

    private void CloseRetired(Instant now, List<PeerLink> links)
    {
        while (_retired.TryPeek(out var oldest) && oldest.CloseAt <= now)
        {
            _retired.Dequeue();
            foreach (var link in links) link.HandleRetiredGone(now, oldest.Socket);
            context.Sockets.Drop(oldest.Socket);
        }
    }

    private void HandleReport(Instant now, NatReport report, List<PeerLink> links)
    {
        if (!_isStarted) return; // the server was left, or everything ends: what was found out last stands
        Promote(now, report, links);

        // Of TCP alone the silence says nothing while UDP's answer may be on its way; its answer says that UDP's would have come, for it is faster.
        bool isDecisive = report.IsUdpReachable || report.Tcp is null or { IsReachable: true } || report.Mapping != NatMapping.Unknown || !context.Wants(Transports.Udp);
        context.Background.HandleReport(now, report);
        context.Probe.LongestSilence = context.Background.Lifetime;
        Report = report with { OuterHops = context.Background.OuterHops, Lifetime = context.Background.Lifetime };
        _isProbed |= isDecisive;
        context.Events.Enqueue(new PeerEvent.NatReported(Report));
        Announce(now, links);
        context.Ports.Review(now, Report);
    }

    /// <summary>Works out the candidates anew, and tells the server and the punches that are under way (trickle, RFC 8838) what is new.</summary>
    private void Announce(Instant now, List<PeerLink> links)
    {
        var (candidatesBefore, infosBefore) = (context.Candidates, _infos);
        Refresh();
        if (_wasRegistered && _registerBy is null) context.Rendezvous.UpdateCandidates(now, _infos, context.Nat);
        context.IsReadyToPunch = context.Rendezvous.IsRegistered && _isProbed;
        var found = context.Candidates.Where(candidate => !candidatesBefore.Any(known => known.Address == candidate.Address && known.Socket == candidate.Socket)).ToImmutableArray();
        var infos = _infos.Where(info => !infosBefore.Any(known => known.Address == info.Address && known.Transport == info.Transport)).ToImmutableArray();
        foreach (var link in links) link.HandleLocalCandidates(now, infos, found);
    }

    private void Register(Instant now)
    {
        _registerBy = null;
        _isProbed = true;
        var options = context.Options;
        if (_wasRegistered)
        {
            context.Rendezvous.UpdateCandidates(now, _infos, context.Nat);
            return;
        }

        _wasRegistered = true;
        context.Rendezvous.Register(now, new Registration
        {
            Name = options.Name,
            Accept = options.Accept,
            Allowed = context.Allowed,
            Presence = options.Presence,
            Room = options.Room,
            KnownPeers = options.Allowed,
            Candidates = _infos,
            Nat = context.Nat,
        });
    }

    /// <summary>Works out the candidates anew from the open sockets and the newest reports.</summary>
    private void Refresh()
    {
        (context.Candidates, _infos) = CandidateGatherer.Gather(context);
        if (Report is { } report && !context.Options.RelayOnly) context.Nat = CandidateGatherer.ToFacts(report) with { TcpOnly = context.Nat.TcpOnly, HasPortMapping = context.Ports.IsReachable };
    }
}
