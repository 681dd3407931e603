namespace Porthole.Lab.Nat;

// The NATs that have names.
public sealed partial record NatProfile
{
    /// <summary>Endpoint-independent mapping and filtering (RFC 3489's "full cone").</summary>
    public static NatProfile FullCone { get; } = new() { Name = "full-cone", Filtering = NatFiltering.EndpointIndependent };

    /// <summary>Endpoint-independent mapping, address-dependent filtering ("restricted cone").</summary>
    public static NatProfile Restricted { get; } = new() { Name = "restricted", Filtering = NatFiltering.AddressDependent };

    /// <summary>Endpoint-independent mapping, address- and port-dependent filtering ("port-restricted cone").</summary>
    public static NatProfile PortRestricted { get; } = new() { Name = "port-restricted" };

    /// <summary>Address- and port-dependent mapping and filtering, random ports ("symmetric").</summary>
    public static NatProfile Symmetric { get; } = new()
    {
        Name = "symmetric",
        Mapping = NatMapping.AddressAndPortDependent,
        Allocation = new PortAllocation.Random(),
    };

    /// <summary>As <see cref="Symmetric"/>, with ports that count up.</summary>
    public static NatProfile SymmetricSequential { get; } = Symmetric with
    {
        Name = "symmetric-sequential",
        Allocation = new PortAllocation.Sequential(),
    };

    /// <summary>
    /// Linux masquerading: a flow is a 5-tuple and keeps its port while that tuple is free. Seen from outside it is endpoint-independent until two
    /// flows clash.
    /// </summary>
    public static NatProfile Masquerade { get; } = new()
    {
        Name = "masquerade",
        Mapping = NatMapping.AddressAndPortDependent,
        Allocation = new PortAllocation.PreserveWithOverload(),
        Tcp = NatTcpProfile.Linux,
    };

    /// <summary>Linux masquerading on a router that tracks packets nobody asked for: the first packet of a punch may spoil the port.</summary>
    public static NatProfile PoisonedMasquerade { get; } = Masquerade with { Name = "poisoned-masquerade", RecordsUnsolicited = true };

    /// <summary>A carrier's NAT after RFC 6888: endpoint-independent, paired addresses, hairpinning, a port block for each subscriber.</summary>
    public static NatProfile Carrier { get; } = new()
    {
        Name = "carrier",
        Filtering = NatFiltering.EndpointIndependent,
        Allocation = new PortAllocation.Block(512),
        Hairpinning = Hairpinning.ExternalSource,
        MaxMappingsPerHost = 512,
    };

    /// <summary>A carrier's NAT that is symmetric inside a port block.</summary>
    public static NatProfile SymmetricCarrier { get; } = Carrier with
    {
        Name = "symmetric-carrier",
        Mapping = NatMapping.AddressAndPortDependent,
        Filtering = NatFiltering.AddressAndPortDependent,
    };

    /// <summary>As <see cref="PortRestricted"/>; it answers SYNs that nobody asked for with RST.</summary>
    public static NatProfile Resetting { get; } = PortRestricted with
    {
        Name = "resetting",
        Tcp = new NatTcpProfile { UnsolicitedSyn = UnsolicitedSyn.Reset },
    };

    /// <summary>As <see cref="PortRestricted"/>; it answers SYNs that nobody asked for with ICMP port unreachable.</summary>
    public static NatProfile Unreachable { get; } = PortRestricted with
    {
        Name = "unreachable",
        Tcp = new NatTcpProfile { UnsolicitedSyn = UnsolicitedSyn.PortUnreachable },
    };

    /// <summary>As <see cref="PortRestricted"/>; it admits only a SYN-ACK as the answer to a SYN.</summary>
    public static NatProfile Strict { get; } = PortRestricted with
    {
        Name = "strict",
        Tcp = new NatTcpProfile { TracksSimultaneousOpen = false },
    };

    /// <summary>As <see cref="SymmetricSequential"/>, with every second port.</summary>
    public static NatProfile SymmetricSkipping { get; } = Symmetric with
    {
        Name = "symmetric-skipping",
        Allocation = new PortAllocation.Sequential(2),
    };

    /// <summary>As <see cref="SymmetricSequential"/>; other hosts open 20 mappings a second, as behind a NAT of some hundred subscribers.</summary>
    public static NatProfile SymmetricBusy { get; } = SymmetricSequential with { Name = "symmetric-busy", ForeignPortsPerSecond = 20 };

    /// <summary>As <see cref="Symmetric"/>; the first destination of an internal endpoint sees its own port, every other a random one.</summary>
    public static NatProfile SymmetricPreserving { get; } = Symmetric with
    {
        Name = "symmetric-preserving",
        Allocation = new PortAllocation.Preserve(),
    };

    /// <summary>As <see cref="Symmetric"/>, in a band of 251 ports: what a carrier was measured to do.</summary>
    public static NatProfile SymmetricBand { get; } = Symmetric with { Name = "symmetric-band", Ports = new PortRange(41_216, 41_466) };

    /// <summary>As <see cref="Symmetric"/>; each mapping draws its external address, where there are several.</summary>
    public static NatProfile SymmetricPooled { get; } = Symmetric with { Name = "symmetric-pooled", Pooling = AddressPooling.Arbitrary };

    /// <summary>As <see cref="PortRestricted"/>; even ports stay even (RFC 4787 REQ-4, which RFC 7857 took back).</summary>
    public static NatProfile Parity { get; } = PortRestricted with { Name = "parity", Allocation = new PortAllocation.Random { KeepParity = true } };

    /// <summary>As <see cref="PortRestricted"/>; a mapping ends after ten minutes, whatever its traffic.</summary>
    public static NatProfile Ageing { get; } = PortRestricted with { Name = "ageing", MaxMappingAge = TimeSpan.FromMinutes(10) };

    /// <summary>The presets that most tests go through: one of each kind that differs for UDP.</summary>
    public static IReadOnlyList<NatProfile> Presets { get; } =
        [FullCone, Restricted, PortRestricted, Symmetric, SymmetricSequential, Masquerade, PoisonedMasquerade, Carrier, SymmetricCarrier];

    /// <summary>What a punch must guess at, or walk around: the NATs of the hard half of the grid, and a port-restricted one to meet them.</summary>
    public static IReadOnlyList<NatProfile> HardPresets { get; } =
    [
        PortRestricted, SymmetricSequential, SymmetricSkipping, SymmetricBusy, SymmetricPreserving, SymmetricCarrier, SymmetricBand, Symmetric, PoisonedMasquerade,
    ];

    /// <summary>Every preset, for who looks one up by its name.</summary>
    public static IReadOnlyList<NatProfile> AllPresets { get; } =
        [.. Presets.Union(HardPresets), SymmetricPooled, Parity, Ageing, Resetting, Unreachable, Strict];
}
