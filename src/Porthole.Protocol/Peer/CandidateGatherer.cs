using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Works out this side's candidates from the open sockets and what the probes found: those that agents use, and those that are registered.</summary>
internal static class CandidateGatherer
{
    /// <summary>How many of the registered candidates TCP is sure of where there are too many: its proved addresses, and those of four local networks.</summary>
    private const int LeastTcp = 8;

    /// <summary>Gathers anew.</summary>
    /// <returns>The candidates of the UDP sockets, and what the server is told of all.</returns>
    public static (ImmutableArray<Candidate> Local, ImmutableArray<CandidateInfo> Registered) Gather(PeerContext context)
    {
        var candidates = ImmutableArray.CreateBuilder<Candidate>();
        var udp = new List<CandidateInfo>();
        ushort preference = CandidatePriority.HighestLocalPreference;
        foreach (var socket in context.Sockets.Open)
        {
            var host = Candidate.Host(socket.Id, socket.Local, preference);
            candidates.Add(host);
            var found = Find(context.Probe.Report.Mappings, socket.Id);
            if (found is { IsTranslated: true })
            {
                var reflexive = Candidate.ServerReflexive(socket.Id, found.Mapped, socket.Local, found.Server, preference);
                candidates.Add(reflexive);
                udp.Add(ToInfo(context, reflexive, found.Proof));
            }

            if (found is { IsTranslated: false }) udp.Add(ToInfo(context, host, found.Proof)); // public, and proved to be so
            else if (!context.Options.HideLan && IsLocal(socket.Local)) udp.Add(ToInfo(context, host, default));
            if (context.Ports.FindCandidate(Transports.Udp, socket.Local, socket.Id, preference) is { } mapped && mapped.Address != found?.Mapped) udp.Add(ToInfo(context, mapped, default));
            preference--;
        }

        var tcp = new List<CandidateInfo>();
        preference = CandidatePriority.HighestOtherPreference;
        foreach (var port in context.TcpPorts.Open)
        {
            if (FindTcp(context, port, preference) is { } proved) tcp.Add(proved);
            if (!context.Options.HideLan && IsLocal(port.Local)) tcp.Add(ToTcpInfo(context, Candidate.Host(port.Listener, port.Local), TcpCandidateType.Passive, default, preference));
            if (context.Ports.FindCandidate(Transports.Tcp, port.Local, port.Listener, CandidatePriority.HighestLocalPreference) is { } mapped) tcp.Add(ToTcpInfo(context, mapped, TcpCandidateType.Passive, default, preference));
            preference--;
        }

        int room = RendezvousLimits.MaxCandidates - Math.Min(tcp.Count, Math.Max(LeastTcp, RendezvousLimits.MaxCandidates - udp.Count));
        return (candidates.ToImmutable(), [.. udp.Take(room).Concat(tcp).Take(RendezvousLimits.MaxCandidates)]);
    }

    /// <summary>
    /// The proved candidate of one punching port: where its connections seem to come from. It is met by simultaneous open, and where nothing filters by
    /// connecting to it.
    /// </summary>
    /// <param name="context">What is known.</param>
    /// <param name="port">The port.</param>
    /// <param name="preference">The host's preference among its addresses, 0 to 8,191.</param>
    /// <returns>Null while no proof is known.</returns>
    public static CandidateInfo? FindTcp(PeerContext context, LocalTcpPort port, ushort preference = CandidatePriority.HighestOtherPreference)
    {
        if (Find(context.TcpProbe.Report.Mappings, port.Listener) is not { } found) return null;
        var candidate = found.IsTranslated ? Candidate.ServerReflexive(port.Listener, found.Mapped, port.Local, found.Server) : Candidate.Host(port.Listener, port.Local);
        return ToTcpInfo(context, candidate, TcpCandidateType.SimultaneousOpen, found.Proof, preference);
    }

    /// <summary>A candidate that is foreseen and cannot be proved: another port on a proved host.</summary>
    public static CandidateInfo Foresee(PeerContext context, LocalTcpPort port, TransportAddress expected) => ToTcpInfo(
        context, Candidate.ServerReflexive(port.Listener, expected, port.Local), TcpCandidateType.SimultaneousOpen, default, CandidatePriority.HighestOtherPreference);

    /// <summary>The same for a fresh UDP socket.</summary>
    public static CandidateInfo Foresee(PeerContext context, FreshSocket socket, TransportAddress expected, CandidatePurpose purpose) =>
        ToInfo(context, Candidate.ServerReflexive(socket.Id, expected, socket.Local), default) with { Purpose = purpose, Round = socket.Round };

    /// <summary>What the other side is told of this side's NATs.</summary>
    public static NatFacts ToFacts(NatReport report) => new(ToFact(report.Mapping), ToFact(report.Allocation), report.Step, report.IsUdpReachable)
    {
        Filtering = ToFact(report.Filtering),
        LowestPort = report.LowestPort,
        HighestPort = report.HighestPort,
        BlockSize = report.BlockSize,
        PublicHosts = Math.Min(report.PublicHosts, RendezvousLimits.MaxPooledHosts),
        KeepsParity = report.KeepsParity,
        IsSpoiledByStrangers = report.IsSpoiledByStrangers,
        OuterHops = report.OuterHops,
        Tcp = report.Tcp is { } tcp ? new TcpNatFacts(ToFact(tcp.Mapping), ToFact(tcp.Allocation), tcp.Step, tcp.LowestPort, tcp.HighestPort) : null,
    };

    private static LocalMapping? Find(ImmutableArray<LocalMapping> mappings, SocketId socket)
    {
        foreach (var mapping in mappings)
        {
            if (mapping.Socket == socket) return mapping;
        }

        return null;
    }

    private static bool IsLocal(TransportAddress address) => address.IsPrivate || address.IsLinkLocal || address.IsLoopback;

    // The foundation of a TCP candidate differs from that of the UDP one with the same base and server (RFC 8445 section 5.1.1.3).
    private static CandidateInfo ToTcpInfo(PeerContext context, Candidate candidate, TcpCandidateType type, ReadOnlyMemory<byte> proof, ushort preference) => ToInfo(context, candidate, proof) with
    {
        Transport = type == TcpCandidateType.Passive ? CandidateTransport.TcpPassive : CandidateTransport.TcpSimultaneous,
        Priority = CandidatePriority.ComputeTcp(candidate.Type, type, preference),
        Foundation = $"t{candidate.Foundation}",
    };

    private static CandidateInfo ToInfo(PeerContext context, Candidate candidate, ReadOnlyMemory<byte> proof) => new(
        candidate.Type == CandidateType.Host ? CandidateKind.Host : CandidateKind.ServerReflexive,
        CandidateTransport.Udp,
        candidate.Address,
        context.Probing.Shown(candidate.Base),
        candidate.Priority,
        candidate.Foundation,
        proof);

    private static NatMappingFact ToFact(NatMapping mapping) => mapping switch
    {
        NatMapping.Unknown => NatMappingFact.Unknown,
        NatMapping.EndpointIndependent => NatMappingFact.EndpointIndependent,
        NatMapping.AddressDependent => NatMappingFact.AddressDependent,
        NatMapping.AddressAndPortDependent => NatMappingFact.AddressAndPortDependent,
        NatMapping.EndpointOrAddressDependent => NatMappingFact.EndpointOrAddressDependent,
        NatMapping.Blocked => NatMappingFact.Blocked,
    };

    // EIF or ADF: who must get in cannot build on the easier one.
    private static NatFilteringFact ToFact(NatFiltering filtering) => filtering switch
    {
        NatFiltering.Unknown => NatFilteringFact.Unknown,
        NatFiltering.EndpointIndependent => NatFilteringFact.EndpointIndependent,
        NatFiltering.AddressDependent or NatFiltering.EndpointOrAddressDependent => NatFilteringFact.AddressDependent,
        NatFiltering.AddressAndPortDependent => NatFilteringFact.AddressAndPortDependent,
    };

    private static NatAllocationFact ToFact(NatAllocation allocation) => allocation switch
    {
        NatAllocation.Unknown => NatAllocationFact.Unknown,
        NatAllocation.Preserve => NatAllocationFact.Preserve,
        NatAllocation.Sequential => NatAllocationFact.Sequential,
        NatAllocation.Random => NatAllocationFact.Random,
    };
}
