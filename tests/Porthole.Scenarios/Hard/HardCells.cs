using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;

namespace Porthole.Scenarios.Hard;

/// <summary>The hard NATs by the names that tests give them, with what is asked of a pair with a port-restricted one.</summary>
internal static class HardCells
{
    private static readonly Dictionary<string, NatProfile> s_nats = new()
    {
        ["port-restricted"] = NatProfile.PortRestricted,
        ["sequential"] = NatProfile.SymmetricSequential,
        ["sequential by 2"] = NatProfile.SymmetricSkipping,
        ["sequential, 5/s"] = NatProfile.SymmetricSequential with { ForeignPortsPerSecond = 5 },
        ["sequential, 20/s"] = NatProfile.SymmetricBusy,
        ["preserving"] = NatProfile.SymmetricPreserving,
        ["block of 512"] = Block(512),
        ["block of 1024"] = Block(1_024),
        ["block of 4096"] = Block(4_096),
        ["band of 251"] = NatProfile.SymmetricBand,
        ["random"] = NatProfile.Symmetric,
        ["masquerade"] = NatProfile.Masquerade,
        ["poisoned"] = NatProfile.PoisonedMasquerade,
    };

    public static NatProfile Nat(string name) => s_nats[name];

    public static MeetingSide Side(string name) => s_nats[name];

    /// <summary>How many sockets may be spent behind a NAT: a quarter of its block or band, and never more than 256.</summary>
    public static int MaxSockets(string name)
    {
        var nat = s_nats[name];
        int ports = nat.Allocation is PortAllocation.Block block ? block.Size : nat.Ports.Count;
        return Math.Min(HardRuns.MaxSockets, ports / 4);
    }

    private static NatProfile Block(int size) => NatProfile.SymmetricCarrier with { Allocation = new PortAllocation.Block(size), MaxMappingsPerHost = size };
}
