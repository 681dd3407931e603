using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Ice;
using Porthole.Protocol.PortMapping;

namespace Porthole.Protocol.Peer;

/// <summary>Which ports of this peer its gateways are asked to map, and what a mapping is worth: only STUN knows what the outside of a NAT is.</summary>
/// <param name="context">What is known.</param>
internal sealed class PortMappings(PeerContext context)
{
    private readonly PortMapper _mapper = new(context.Entropy, context.NextSocket);
    private PortMapperEvent.Failed? _problem;

    public Instant? NextDeadline => _mapper.NextDeadline;

    /// <summary>What is mapped now.</summary>
    public ImmutableArray<MappedPort> Mapped { get; private set; } = [];

    /// <summary>Whether a mapping makes this peer reachable as if there were no NAT: the gateway's outside is what STUN servers see.</summary>
    public bool IsReachable
    {
        get
        {
            foreach (var port in Mapped)
            {
                if (IsOfUse(port) && IsProved(port)) return true;
            }

            return false;
        }
    }

    /// <summary>What came of it, for a verdict: the best of what is mapped, else why nothing is.</summary>
    public GatewayWord Word
    {
        get
        {
            var best = GatewayWord.None;
            foreach (var port in Mapped)
            {
                if (IsOfUse(port) && Tell(port) is var word && word.Answer > best.Answer) best = word;
            }

            if (best != GatewayWord.None) return best;
            if (_problem is { } problem) return new GatewayWord(problem.WasAnswered ? GatewayAnswer.Refused : GatewayAnswer.Silent, $"The gateway {problem.Line}");
            return _mapper.IsAsking ? GatewayWord.Asked : GatewayWord.None;
        }
    }

    /// <summary>Whether a socket is one of those that gateways are asked from.</summary>
    public bool Owns(SocketId socket) => _mapper.Owns(socket);

    public void SetNetwork(Instant now, SocketEvent.NetworkChanged changed)
    {
        _problem = null; // of another network, or soon told again
        _mapper.SetNetwork(now, changed.Addresses, changed.Gateways);
    }

    /// <summary>
    /// Asks for what is of use now: nothing before the peer is registered, nothing where no NAT was seen or where it lets everybody in, and nothing where the
    /// server is on this host, for then the network has no say in it.
    /// </summary>
    public void Review(Instant now, NatReport? report)
    {
        if (report is null || !context.Options.PortMapping || context.Options.RelayOnly || !context.Rendezvous.IsRegistered) return;
        if (!report.IsComplete && context.Wants(Transports.Udp)) return; // whom the NAT lets in is not known before
        bool isOpen = report is { Mapping: NatMapping.EndpointIndependent, Filtering: Discovery.NatFiltering.EndpointIndependent };
        var wishes = new List<PortWish>();
        foreach (var socket in context.Sockets.Open)
        {
            if (IsWorthIt(Find(context.Probe.Report.Mappings, socket.Local), isOpen)) wishes.Add(new PortWish(socket.Local, Transports.Udp));
        }

        foreach (var port in context.TcpPorts.Open)
        {
            bool isWanted = wishes.Exists(wish => wish.Local.SameHost(port.Local)) || IsWorthIt(Find(context.TcpProbe.Report.Mappings, port.Local), isOpen);
            if (isWanted) wishes.Add(new PortWish(port.Local, Transports.Tcp));
        }

        _mapper.Want(now, wishes);
    }

    public void Stop(Instant now) => _mapper.Stop(now);

    public void HandleDatagram(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> datagram) =>
        _mapper.HandleDatagram(now, socket, remote, datagram);

    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent) => _mapper.HandleSocketEvent(now, socketEvent);

    public void HandleDeadline(Instant now) => _mapper.HandleDeadline(now);

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => _mapper.TryWrite(now, ref writer);

    public bool TryTakeRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SocketRequest? request) => _mapper.TryTakeRequest(out request);

    /// <summary>Takes what the gateways have to say, and tells the program.</summary>
    /// <returns>Whether there are other mappings than before.</returns>
    public bool Pump()
    {
        if (!_mapper.TryTakeEvent(out var mapperEvent)) return false;
        do
        {
            if (mapperEvent is PortMapperEvent.Failed failed) _problem = failed;
            else if (mapperEvent is PortMapperEvent.Mapped) _problem = null;
        }
        while (_mapper.TryTakeEvent(out mapperEvent));

        var before = Mapped;
        Mapped = [.. _mapper.Mappings];
        context.Events.Enqueue(new PeerEvent.PortsMapped(Mapped, _problem?.Line));
        return !before.SequenceEqual(Mapped);
    }

    /// <summary>
    /// The candidate that a mapping makes. Its host is the one that a STUN server saw, for only proved hosts are handed out, and a gateway may say what it likes;
    /// but where the gateway itself stands behind another NAT it is the gateway's own address, which others behind that NAT may reach.
    /// </summary>
    /// <param name="transport">UDP or TCP.</param>
    /// <param name="local">The local address and port.</param>
    /// <param name="socket">The socket bound to it, or the listener.</param>
    /// <param name="preference">The host's preference among its addresses.</param>
    /// <returns>Null when there is no mapping, or nothing that can be told.</returns>
    public Candidate? FindCandidate(Transports transport, TransportAddress local, SocketId socket, ushort preference)
    {
        foreach (var port in Mapped)
        {
            if (port.Transport != transport || port.Internal != local || local.IsIPv6) continue; // an IPv6 address is not translated, only let through
            if (port.IsBehindAnotherNat) return context.Options.HideLan ? null : Candidate.Host(socket, port.External, preference) with { Base = local };
            if (FindProof(port) is not { IsTranslated: true } proof) continue;
            return Candidate.ServerReflexive(socket, proof.Mapped.WithPort(port.External.Port), local, port.Gateway, preference);
        }

        return null;
    }

    // Once it is had it is kept: with a mapping a NAT looks open that is none.
    private bool IsWorthIt(LocalMapping? seen, bool isOpen)
    {
        if (seen is null || seen.Server.IsLoopback || seen.Mapped.IsLoopback || seen.Local.IsLoopback) return false;
        if (seen.Local.IsIPv6) return !seen.IsTranslated && !seen.Local.IsPrivate && !seen.Local.IsLinkLocal;
        return seen.IsTranslated && (!isOpen || Mapped.Any(port => port.Internal.SameHost(seen.Local)));
    }

    private bool IsOfUse(MappedPort port) => port.Transport == Transports.Udp || !context.Wants(Transports.Udp);

    private bool IsProved(MappedPort port) => port.IsPublic && FindProof(port) is { IsTranslated: true } proof && proof.Mapped.SameHost(port.External);

    private GatewayWord Tell(MappedPort port)
    {
        string maps = string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"The gateway {port.Gateway.Address} {(port.Internal.IsIPv6 ? "lets packets in at" : "maps")} {port.Transport.ToString().ToUpperInvariant()} port {port.External.Port} by {MappedPort.Name(port.Protocol)}");
        if (port.Internal.IsIPv6 || IsProved(port)) return new GatewayWord(GatewayAnswer.Mapped, $"{maps}.");
        if (port.IsBehindAnotherNat)
        {
            return new GatewayWord(
                GatewayAnswer.BehindAnotherNat,
                $"{maps}, but its outside address {port.External.Address} is a private or shared one: behind this router stands a second NAT, and a port mapping has no effect unless that one maps too.");
        }

        string outside = port.External.IsUnspecified ? "and does not say at which address" : $"and says that its outside address is {port.External.Address}, but servers see another";
        return new GatewayWord(GatewayAnswer.Elsewhere, $"{maps} {outside}, so nothing is built on it.");
    }

    /// <summary>What STUN saw of the same port; of TCP, where its own probe saw nothing, of the same host by UDP.</summary>
    private LocalMapping? FindProof(MappedPort port) => port.Transport == Transports.Udp
        ? Find(context.Probe.Report.Mappings, port.Internal)
        : Find(context.TcpProbe.Report.Mappings, port.Internal) ?? Find(context.Probe.Report.Mappings, port.Internal);

    private static LocalMapping? Find(ImmutableArray<LocalMapping> mappings, TransportAddress local)
    {
        foreach (var mapping in mappings)
        {
            if (mapping.Local == local) return mapping;
        }

        return null;
    }
}
