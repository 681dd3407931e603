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

    /// <summary>Whether the first mapping kept the local port; null when there is none.</summary>
    public bool? PreservesPort { get; init; }

    /// <summary>Whether the mappings of one local host lie on several public hosts (RFC 4787 section 4.1, IP address pooling "arbitrary").</summary>
    public bool HasAddressPool { get; init; }

    /// <summary>Whether any answer came over UDP.</summary>
    public bool IsUdpReachable { get; init; }

    /// <summary>Whether every question was answered or given up; another report may follow if not.</summary>
    public bool IsComplete { get; init; }

    /// <summary>One entry for each socket that was answered, in the order the sockets were added.</summary>
    public ImmutableArray<LocalMapping> Mappings { get; init; } = [];

    /// <summary>What TCP finds there; null while nothing is known, or TCP is not wanted.</summary>
    public TcpNatReport? Tcp { get; init; }

    /// <summary>Whether both reports say the same, apart from proofs and round trip times.</summary>
    public bool SaysTheSameAs(NatReport other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Mapping, Allocation, Step, PreservesPort, HasAddressPool, IsUdpReachable, IsComplete)
            == (other.Mapping, other.Allocation, other.Step, other.PreservesPort, other.HasAddressPool, other.IsUdpReachable, other.IsComplete)
            && Mappings.Select(Essence).SequenceEqual(other.Mappings.Select(Essence));

        static (SocketId, TransportAddress, TransportAddress, NatMapping) Essence(LocalMapping mapping) =>
            (mapping.Socket, mapping.Local, mapping.Mapped, mapping.Mapping);
    }
}
