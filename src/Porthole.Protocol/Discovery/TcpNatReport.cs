using System.Collections.Immutable;

namespace Porthole.Protocol.Discovery;

/// <summary>What was found out about the network's treatment of TCP: plain data. It may differ from UDP's in everything.</summary>
public sealed record TcpNatReport
{
    /// <summary>Nothing is known.</summary>
    public static TcpNatReport Unknown { get; } = new();

    /// <summary>The mapping behaviour of the way out: IPv4's, where IPv4 was answered. Blocked when no server could be reached.</summary>
    public NatMapping Mapping { get; init; }

    /// <summary>How ports are chosen there.</summary>
    public NatAllocation Allocation { get; init; }

    /// <summary>The distance from one port to the next, signed; 0 unless <see cref="Allocation"/> is sequential.</summary>
    public int Step { get; init; }

    /// <summary>The lowest public port that was seen, of a NAT that chooses at random; else 0.</summary>
    public ushort LowestPort { get; init; }

    /// <summary>The highest; else 0.</summary>
    public ushort HighestPort { get; init; }

    /// <summary>Whether any answer came over TCP.</summary>
    public bool IsReachable { get; init; }

    /// <summary>Whether every question was answered or given up; another report may follow if not.</summary>
    public bool IsComplete { get; init; }

    /// <summary>One entry for each punching port that was answered, in the order the ports were added; its socket is the listener.</summary>
    public ImmutableArray<LocalMapping> Mappings { get; init; } = [];

    /// <summary>Whether both reports say the same, apart from proofs and round trip times.</summary>
    public bool SaysTheSameAs(TcpNatReport other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Mapping, Allocation, Step, LowestPort, HighestPort, IsReachable, IsComplete)
            == (other.Mapping, other.Allocation, other.Step, other.LowestPort, other.HighestPort, other.IsReachable, other.IsComplete)
            && Mappings.Select(Essence).SequenceEqual(other.Mappings.Select(Essence));

        static (SocketId, TransportAddress, TransportAddress, NatMapping) Essence(LocalMapping mapping) =>
            (mapping.Socket, mapping.Local, mapping.Mapped, mapping.Mapping);
    }
}
