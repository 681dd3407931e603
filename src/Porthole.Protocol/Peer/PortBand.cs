using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Where the ports of a NAT that draws them lie.</summary>
/// <param name="Lowest">The lowest port of the band.</param>
/// <param name="Highest">The highest.</param>
/// <param name="InnerLowest">The lowest port that was seen, or the lowest of the block: between here and <paramref name="InnerHighest"/> every guess is as good as any.</param>
/// <param name="InnerHighest">The highest port that was seen.</param>
internal readonly record struct PortBand(ushort Lowest, ushort Highest, ushort InnerLowest, ushort InnerHighest)
{
    /// <summary>The lowest port that a NAT gives: below are those of services.</summary>
    public const int LowestPort = 1_024;

    /// <summary>What is added to each side of a band that was seen, as a share of its width: ten draws show 82 % of a band, with this 96 %.</summary>
    private const double Widening = 0.25;

    /// <summary>The least that is added.</summary>
    private const int LeastWidening = 8;

    /// <summary>All ports that a NAT may give.</summary>
    public static PortBand All { get; } = new(LowestPort, ushort.MaxValue, LowestPort, ushort.MaxValue);

    /// <summary>Ports in the band.</summary>
    public int Size => Highest - Lowest + 1;

    /// <summary>The band that a side's facts tell of. They are its own word: a band of ports that no NAT gives says nothing.</summary>
    public static PortBand Of(NatFacts nat)
    {
        var (low, high, block) = (nat.LowestPort, nat.HighestPort, nat.BlockSize);
        if (block <= 0 || high < low || low < LowestPort) return Of(low, high);
        int first = low / block * block;
        int last = first + block - 1;
        if (high > last || last > ushort.MaxValue) return Of(low, high);
        ushort lowest = (ushort)Math.Max(LowestPort, first); // of the lowest block services have a part
        return new PortBand(lowest, (ushort)last, lowest, (ushort)last);
    }

    /// <summary>The band around ports that were seen.</summary>
    /// <param name="low">The lowest that was seen; 0 for none.</param>
    /// <param name="high">The highest.</param>
    public static PortBand Of(ushort low, ushort high)
    {
        if (low == 0 || high < low || high < LowestPort) return All;
        int more = Math.Max(LeastWidening, (int)((high - low) * Widening));
        ushort inner = Math.Max((ushort)LowestPort, low);
        return new PortBand((ushort)Math.Max(LowestPort, low - more), (ushort)Math.Min(ushort.MaxValue, high + more), inner, high);
    }
}
