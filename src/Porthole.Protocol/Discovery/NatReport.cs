using System.Collections.Immutable;

namespace Porthole.Protocol.Discovery;

/// <summary>What was found out about the network: plain data.</summary>
public sealed record NatReport
{
    /// <summary>Nothing is known.</summary>
    public static NatReport Unknown { get; } = new();

    /// <summary>The mapping behaviour of the way out: IPv4's, where IPv4 was answered, since IPv6 is seldom translated.</summary>
    public NatMapping Mapping { get; init; }

    /// <summary>How ports are chosen there.</summary>
    public NatAllocation Allocation { get; init; }

    /// <summary>The distance from one port to the next, signed; 0 unless <see cref="Allocation"/> is sequential.</summary>
    public int Step { get; init; }

    /// <summary>On how many mappings that judgement rests: ten and more leave little to chance, three may be one.</summary>
    public int MappingsSeen { get; init; }

    /// <summary>Whether the first mapping kept the local port; null when there is none.</summary>
    public bool? PreservesPort { get; init; }

    /// <summary>Whether the mappings of one local host lie on several public hosts (RFC 4787 section 4.1, IP address pooling "arbitrary").</summary>
    public bool HasAddressPool { get; init; }

    /// <summary>Whom the NAT lets in.</summary>
    public NatFiltering Filtering { get; init; }

    /// <summary>The lowest mapped port that was seen, where ports differ by destination; else 0.</summary>
    public ushort LowestPort { get; init; }

    /// <summary>The highest; else 0.</summary>
    public ushort HighestPort { get; init; }

    /// <summary>Ports in the aligned, power-of-two block that the mapped ports fill (RFC 7422); 0 when they fill none.</summary>
    public int BlockSize { get; init; }

    /// <summary>On how many public addresses the mappings of one local host were seen; 0 before the first answer.</summary>
    public int PublicHosts { get; init; }

    /// <summary>Whether the mapped port has the parity of the local one (RFC 4787 section 4.2.2); null when too few were seen to tell.</summary>
    public bool? KeepsParity { get; init; }

    /// <summary>Whether two local ports were seen behind one mapped port (RFC 4787 section 4.2.1, "overloading"); null when it was not seen.</summary>
    public bool? IsOverloading { get; init; }

    /// <summary>Whether a packet to the NAT's outside from behind it comes back in (RFC 4787 section 6); null when it was not tried.</summary>
    public bool? Hairpins { get; init; }

    /// <summary>
    /// Whether a packet that nobody asked for costs the later flow between the same endpoints its port, as on Linux routers that track what they do not drop
    /// ("poisoning"); null when it was not tried.
    /// </summary>
    public bool? IsSpoiledByStrangers { get; init; }

    /// <summary>The smallest IP hop limit with which a packet opens the outermost NAT; 0 when it was not found.</summary>
    public int OuterHops { get; init; }

    /// <summary>The largest UDP payload that was seen to pass to the server and back, in bytes; 0 when it was not tried.</summary>
    public int MaxDatagram { get; init; }

    /// <summary>How long a mapping was seen to live without traffic: at least this; null before it was measured.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>When the facts were found; null before the first.</summary>
    public Instant? MeasuredAt { get; init; }

    /// <summary>Whether any answer came over UDP.</summary>
    public bool IsUdpReachable { get; init; }

    /// <summary>Whether every question was answered or given up; another report may follow if not.</summary>
    public bool IsComplete { get; init; }

    /// <summary>One entry for each socket that was answered, in the order the sockets were added.</summary>
    public ImmutableArray<LocalMapping> Mappings { get; init; } = [];

    /// <summary>What TCP finds there; null while nothing is known, or TCP is not wanted.</summary>
    public TcpNatReport? Tcp { get; init; }

    /// <summary>Whether both reports say the same, apart from proofs, times, and what is measured elsewhere.</summary>
    public bool SaysTheSameAs(NatReport other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Mapping, Allocation, Step, PreservesPort, HasAddressPool, IsUdpReachable, IsComplete)
            == (other.Mapping, other.Allocation, other.Step, other.PreservesPort, other.HasAddressPool, other.IsUdpReachable, other.IsComplete)
            && (Filtering, LowestPort, HighestPort, BlockSize, PublicHosts) == (other.Filtering, other.LowestPort, other.HighestPort, other.BlockSize, other.PublicHosts)
            && (KeepsParity, IsOverloading, Hairpins, IsSpoiledByStrangers, MaxDatagram)
                == (other.KeepsParity, other.IsOverloading, other.Hairpins, other.IsSpoiledByStrangers, other.MaxDatagram)
            && Mappings.Select(Essence).SequenceEqual(other.Mappings.Select(Essence));

        static (SocketId, TransportAddress, TransportAddress, NatMapping) Essence(LocalMapping mapping) =>
            (mapping.Socket, mapping.Local, mapping.Mapped, mapping.Mapping);
    }
}
