using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Peer;

/// <summary>
/// Keeps the server's picture of this peer true: opens a socket on every local address, has the NATs probed from them, and registers the addresses that
/// were proved.
/// </summary>
internal sealed class Registrar(PeerContext context)
{
    /// <summary>
    /// How long the first registration waits for the probe. A network where UDP works answers in one round trip; where it does not, the peer is to be
    /// reached over the relay meanwhile.
    /// </summary>
    public static readonly TimeSpan ProbePatience = TimeSpan.FromMilliseconds(600);

    /// <summary>How often the server is given fresh proofs: it hands an address out for ten minutes after the last.</summary>
    public static readonly TimeSpan RenewalPeriod = TimeSpan.FromMinutes(4);

    private readonly NatProbe _probe = new(Options(context), context.Entropy);
    private ImmutableArray<CandidateInfo> _infos = [];
    private ImmutableArray<TransportAddress> _addresses = [];
    private ImmutableArray<TransportAddress> _servers = [];
    private TransportAddress _mainLocal;
    private Instant? _registerBy;
    private Instant? _renewAt;
    private bool _isProbed;
    private bool _isStarted;
    private bool _wasRegistered;

    public NatReport? Report { get; private set; }

    public Instant? NextDeadline => Instant.Earlier(Instant.Earlier(_registerBy, _renewAt), _probe.NextDeadline);

    public void Start(Instant now)
    {
        _isStarted = true;
        context.Rendezvous.Start(now);
    }

    public void Stop(Instant now)
    {
        _registerBy = _renewAt = null;
        context.Rendezvous.Stop(now);
        context.Sockets.Close();
    }

    /// <summary>Leaves the server; the sockets stay, for the paths that use them.</summary>
    public void Leave(Instant now)
    {
        (_isStarted, _registerBy, _renewAt, _servers) = (false, null, null, []);
        _probe.SetServers(now, [], credential: null);
        context.Rendezvous.Stop(now);
    }

    /// <summary>Takes the host's addresses.</summary>
    /// <returns>The sockets that are gone with their addresses.</returns>
    public ImmutableArray<SocketId> HandleNetworkChanged(Instant now, SocketEvent.NetworkChanged changed)
    {
        _addresses = changed.Addresses;
        ImmutableArray<SocketId> gone = [];
        if (!context.Options.RelayOnly)
        {
            gone = context.Sockets.SetAddresses(_addresses);
            foreach (var socket in gone) _probe.RemoveSocket(now, socket);
            context.IsReadyToPunch = _isProbed = false; // until the new addresses are proved
            _probe.Probe(now);
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
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when context.Sockets.Owns(opened.Socket):
                context.Sockets.HandleOpened(opened.Socket, opened.Local);
                _probe.AddSocket(now, opened.Socket, opened.Local);
                Refresh();
                return null;
            case SocketEvent.Failed failed when context.Sockets.Owns(failed.Socket):
                _probe.RemoveSocket(now, failed.Socket);
                if (!context.Sockets.HandleFailed(failed.Socket, failed.Reason))
                {
                    context.Events.Enqueue(new PeerEvent.SocketsFailed(
                        PeerError.PortInUse, $"UDP port {context.Options.Port} is taken. Choose another with --port, or leave it out to use any."));
                }

                Refresh();
                return failed.Socket;
            default:
                context.Rendezvous.HandleSocketEvent(now, socketEvent);
                return null;
        }
    }

    public bool HandleStun(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> message) => _probe.HandleDatagram(now, socket, remote, message);

    public void HandleWelcomed(Instant now, RendezvousEvent.Welcomed welcomed)
    {
        _mainLocal = welcomed.Local;
        _servers = welcomed.Stun;
        _probe.SetServers(now, _servers, ToCredential(welcomed.Access));
        _registerBy = now + ProbePatience;
    }

    public void HandleAccess(Instant now, StunAccess access) => _probe.SetServers(now, _servers, ToCredential(access));

    public void HandleRegistered(Instant now, RendezvousEvent.Registered registered)
    {
        context.IsReadyToPunch = _isProbed;
        _renewAt = now + RenewalPeriod;
        context.Events.Enqueue(new PeerEvent.Registered(registered.Name, context.Self));
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
        _probe.HandleDeadline(now);
        if (_registerBy <= now) Register(now);
        if (_renewAt > now || _renewAt is null) return;
        _renewAt = now + RenewalPeriod;
        Refresh();
        context.Rendezvous.UpdateCandidates(now, _infos, context.Nat);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => _probe.TryWrite(now, ref writer);

    /// <summary>Takes what the probe has to say.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool Pump(Instant now, List<PeerLink> links)
    {
        bool any = false;
        while (_probe.TryTakeEvent(out var probeEvent))
        {
            any = true;
            switch (probeEvent)
            {
                case NatProbeEvent.Reported reported:
                    HandleReport(now, reported.Report, links);
                    break;
                case NatProbeEvent.CredentialRefused:
                    break; // the server sends a new credential before the old one ends; until then what was proved stands
            }
        }

        if (_registerBy is not null && IsSettled)
        {
            Register(now);
            any = true;
        }

        return any;
    }

    private bool IsSettled => context.Options.RelayOnly || (context.Sockets.IsSettled && _isProbed);

    private void HandleReport(Instant now, NatReport report, List<PeerLink> links)
    {
        Report = report;
        _isProbed = true;
        context.Events.Enqueue(new PeerEvent.NatReported(report));
        var before = context.Candidates;
        Refresh();
        if (_wasRegistered && _registerBy is null) context.Rendezvous.UpdateCandidates(now, _infos, context.Nat);
        context.IsReadyToPunch = context.Rendezvous.IsRegistered;

        // Trickle (RFC 8838): a punch that is under way gets what was just found.
        var found = context.Candidates.Where(candidate => !before.Any(known => known.Address == candidate.Address && known.Socket == candidate.Socket)).ToImmutableArray();
        if (found.IsEmpty) return;
        var infos = _infos.Where(info => found.Any(candidate => candidate.Address == info.Address)).ToImmutableArray();
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
            Allowed = options.Allowed,
            Presence = options.Presence,
            Room = options.Room,
            KnownPeers = options.Allowed,
            Candidates = _infos,
            Nat = context.Nat,
        });
    }

    /// <summary>Works out the candidates anew from the open sockets and the newest report.</summary>
    private void Refresh()
    {
        var candidates = ImmutableArray.CreateBuilder<Candidate>();
        var infos = ImmutableArray.CreateBuilder<CandidateInfo>();
        ushort preference = CandidatePriority.HighestLocalPreference;
        foreach (var socket in context.Sockets.Open)
        {
            var host = Candidate.Host(socket.Id, socket.Local, preference);
            candidates.Add(host);
            var found = _probe.Report.Mappings.FirstOrDefault(mapping => mapping.Socket == socket.Id);
            if (found is { IsTranslated: true })
            {
                var reflexive = Candidate.ServerReflexive(socket.Id, found.Mapped, socket.Local, found.Server, preference);
                candidates.Add(reflexive);
                infos.Add(ToInfo(reflexive, found.Proof));
            }

            if (found is { IsTranslated: false }) infos.Add(ToInfo(host, found.Proof)); // public, and proved to be so
            else if (!context.Options.HideLan && IsLocal(socket.Local)) infos.Add(ToInfo(host, default));
            preference--;
        }

        (context.Candidates, _infos) = (candidates.ToImmutable(), [.. infos.Take(RendezvousLimits.MaxCandidates)]);
        if (Report is { } report && !context.Options.RelayOnly) context.Nat = ToFacts(report);
    }

    private static bool IsLocal(TransportAddress address) => address.IsPrivate || address.IsLinkLocal || address.IsLoopback;

    private static ShortTermCredential ToCredential(StunAccess access) => new(access.Username, access.Password);

    private static NatFacts ToFacts(NatReport report) => new(
        report.Mapping switch
        {
            NatMapping.Unknown => NatMappingFact.Unknown,
            NatMapping.EndpointIndependent => NatMappingFact.EndpointIndependent,
            NatMapping.AddressDependent => NatMappingFact.AddressDependent,
            NatMapping.AddressAndPortDependent => NatMappingFact.AddressAndPortDependent,
            NatMapping.EndpointOrAddressDependent => NatMappingFact.EndpointOrAddressDependent,
            NatMapping.Blocked => NatMappingFact.Blocked,
        },
        report.Allocation switch
        {
            NatAllocation.Unknown => NatAllocationFact.Unknown,
            NatAllocation.Preserve => NatAllocationFact.Preserve,
            NatAllocation.Sequential => NatAllocationFact.Sequential,
            NatAllocation.Random => NatAllocationFact.Random,
        },
        report.Step,
        report.IsUdpReachable);

    private static NatProbeOptions Options(PeerContext context) => NatProbeOptions.Default with { HideLocal = context.Options.HideLan };

    private CandidateInfo ToInfo(Candidate candidate, ReadOnlyMemory<byte> proof) => new(
        candidate.Type == CandidateType.Host ? CandidateKind.Host : CandidateKind.ServerReflexive,
        CandidateTransport.Udp,
        candidate.Address,
        Options(context).Shown(candidate.Base),
        candidate.Priority,
        candidate.Foundation,
        proof);
}
