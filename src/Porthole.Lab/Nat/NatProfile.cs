namespace Porthole.Lab.Nat;

/// <summary>Everything that tells one NAT from another, in the words of RFC 4787 and RFC 5382. Use <c>with</c> to vary a preset.</summary>
public sealed partial record NatProfile
{
    /// <summary>The profile's name, for people.</summary>
    public required string Name { get; init; }

    /// <summary>When external ports are reused (RFC 4787 section 4.1).</summary>
    public NatMapping Mapping { get; init; }

    /// <summary>Who is let in (RFC 4787 section 5).</summary>
    public NatFiltering Filtering { get; init; } = NatFiltering.AddressAndPortDependent;

    /// <summary>Where filter state is kept.</summary>
    public FilterScope FilterScope { get; init; }

    /// <summary>How answers to admitted packets leave.</summary>
    public AnswerRoute Answers { get; init; }

    /// <summary>How external ports are chosen (RFC 4787 section 4.2).</summary>
    public PortAllocation Allocation { get; init; } = new PortAllocation.Preserve();

    /// <summary>The ports to choose from. A preserved port may lie outside.</summary>
    public PortRange Ports
    {
        get;
        init => field = value.First <= value.Last && value.First > 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A port range goes from 1 or more upwards.");
    } = PortRange.Unprivileged;

    /// <summary>How one of several external addresses is chosen.</summary>
    public AddressPooling Pooling { get; init; }

    /// <summary>What happens to packets to the NAT's own external address (RFC 4787 section 6).</summary>
    public Hairpinning Hairpinning { get; init; }

    /// <summary>How long state lives that no answer has confirmed. Linux: 30 s.</summary>
    public TimeSpan UnrepliedLifetime { get; init => field = Positive(value); } = TimeSpan.FromSeconds(30);

    /// <summary>How long state lives once both sides have sent. RFC 4787 REQ-5 asks for 2 minutes, which is what Linux gives.</summary>
    public TimeSpan RepliedLifetime { get; init => field = Positive(value); } = TimeSpan.FromSeconds(120);

    /// <summary>The age at which a mapping ends, whatever its traffic; null when only idleness ends it. Mappings made on request live as long as their lease.</summary>
    public TimeSpan? MaxMappingAge { get; init => field = value is { } age ? Positive(age) : null; }

    /// <summary>Whether packets from outside prolong state (RFC 4787 section 4.3; those from inside always do, REQ-6).</summary>
    public bool InboundRefresh { get; init; } = true;

    /// <summary>
    /// Whether a packet from outside that nobody asked for is remembered as a flow of its own, so that a later flow from inside with the same 5-tuple
    /// gets another port: Linux routers that do not drop such packets before they are tracked.
    /// </summary>
    public bool RecordsUnsolicited { get; init; }

    /// <summary>Whether a datagram from outside that is not let in is answered with an ICMP error, port unreachable (RFC 792): firewalls that reject in place of dropping.</summary>
    public bool RejectsDatagrams { get; init; }

    /// <summary>
    /// How many mappings other hosts behind this NAT open in a second: the mean of a Poisson process, for each protocol. They move the counter of a
    /// sequential NAT on, and each takes a port for <see cref="UnrepliedLifetime"/>. No effect where hosts do not compete for ports: with overloading, and
    /// in blocks.
    /// </summary>
    public double ForeignPortsPerSecond
    {
        get;
        init => field = value >= 0 && double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A rate is not negative.");
    }

    /// <summary>The most mappings at a time.</summary>
    public int MaxMappings { get; init => field = AtLeastOne(value); } = 65_536;

    /// <summary>The most mappings of one internal host at a time.</summary>
    public int MaxMappingsPerHost { get; init => field = AtLeastOne(value); } = 65_536;

    /// <summary>The most sessions (a mapping and one remote), filter entries, and remembered unsolicited flows, each.</summary>
    public int MaxSessions { get; init => field = AtLeastOne(value); } = 262_144;

    /// <summary>What happens when there is no room.</summary>
    public NatOverflow WhenFull { get; init; }

    /// <summary>How it treats TCP; null is <see cref="NatTcpProfile.Default"/>: mapping, filtering and allocation as for UDP.</summary>
    public NatTcpProfile? Tcp { get; init; }

    /// <summary>
    /// A NAT of the 9 × 9 grid: one mapping and one filtering behaviour, ports preserved where mapping is endpoint-independent, else random.
    /// </summary>
    public static NatProfile Of(NatMapping mapping, NatFiltering filtering) => new()
    {
        Name = $"{Letter(mapping)}/{Letter(filtering)}",
        Mapping = mapping,
        Filtering = filtering,
        Allocation = mapping == NatMapping.EndpointIndependent ? new PortAllocation.Preserve() : new PortAllocation.Random(),
    };

    /// <inheritdoc/>
    public override string ToString() => Name;

    // The profile as a table of TCP mappings reads it.
    internal NatProfile ForTcp() => this with
    {
        Mapping = Tcp?.Mapping ?? Mapping,
        Filtering = Tcp?.Filtering ?? Filtering,
        Allocation = Tcp?.Allocation ?? Allocation,
        Answers = AnswerRoute.SameSession,
        UnrepliedLifetime = (Tcp ?? NatTcpProfile.Default).TransitoryLifetime,
    };

    private static string Letter(NatMapping mapping) => mapping switch
    {
        NatMapping.EndpointIndependent => "E",
        NatMapping.AddressDependent => "A",
        NatMapping.AddressAndPortDependent => "P",
    };

    private static string Letter(NatFiltering filtering) => filtering switch
    {
        NatFiltering.EndpointIndependent => "EIF",
        NatFiltering.AddressDependent => "ADF",
        NatFiltering.AddressAndPortDependent => "APDF",
    };

    private static TimeSpan Positive(TimeSpan value) =>
        value > TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A lifetime is longer than zero.");

    private static int AtLeastOne(int value) =>
        value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A limit is at least 1.");
}
