using System.Collections.Immutable;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using Found = Porthole.Protocol.Discovery;
using NatFiltering = Porthole.Lab.Nat.NatFiltering;
using NatMapping = Porthole.Lab.Nat.NatMapping;

namespace Porthole.Scenarios.Discovery;

/// <summary>Whether the lab's NATs are recognised for what they are, thousands of them: on a perfect path without a mistake, on a lossy one with few.</summary>
public sealed class NatDetectionTests(ITestOutputHelper output)
{
    private const string Nat = "203.0.113.7";

    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly StunServerKey s_key = new(new byte[32]);
    private static readonly PeerId s_peer = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);
    private static readonly ImmutableArray<TransportAddress> s_oneHost = [.. Enumerable.Range(3_478, 4).Select(static port => TransportAddress.Parse($"198.51.100.1:{port}"))];
    private static readonly ImmutableArray<TransportAddress> s_second = [.. Enumerable.Range(3_478, 4).Select(static port => TransportAddress.Parse($"198.51.100.2:{port}"))];

    private static readonly NatProfile s_byDestination = NatProfile.Symmetric with { Name = "random" };

    private static readonly NatProfile[] s_kinds =
    [
        NatProfile.FullCone,
        NatProfile.FullCone with { Name = "full-cone-hairpin", Hairpinning = Hairpinning.ExternalSource },
        NatProfile.Restricted,
        NatProfile.PortRestricted,
        NatProfile.PortRestricted with { Name = "port-restricted-random", Allocation = new PortAllocation.Random() },
        NatProfile.PortRestricted with { Name = "port-restricted-sequential", Allocation = new PortAllocation.Sequential(), ForeignPortsPerSecond = 20 },
        NatProfile.Masquerade,
        NatProfile.PoisonedMasquerade,
        NatProfile.Carrier,
        NatProfile.Of(NatMapping.AddressDependent, NatFiltering.AddressDependent),
        NatProfile.Of(NatMapping.AddressDependent, NatFiltering.AddressAndPortDependent),
        s_byDestination,
        s_byDestination with { Name = "random-eif", Filtering = NatFiltering.EndpointIndependent },
        s_byDestination with { Name = "random-parity", Allocation = new PortAllocation.Random { KeepParity = true } },
        s_byDestination with { Name = "preserve-first", Allocation = new PortAllocation.Preserve() },
        s_byDestination with { Name = "band-251", Ports = new PortRange(40_000, 40_250) },
        s_byDestination with { Name = "block-512", Allocation = new PortAllocation.Block(512) },
        s_byDestination with { Name = "block-4096", Allocation = new PortAllocation.Block(4_096) },
        Sequential(1, 0),
        Sequential(2, 0),
        Sequential(-1, 0),
        Sequential(4, 0),
        Sequential(1, 5),
        Sequential(1, 20),
        Sequential(2, 20),
        Sequential(-1, 20),
        s_byDestination with { Name = "sequential-parity", Allocation = new PortAllocation.Sequential { KeepParity = true } },
    ];

    public static TheoryData<string> Kinds => [.. s_kinds.Select(static kind => kind.Name)];

    private static int Seeds => Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 1_000 : 100;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void On_a_good_path_every_NAT_is_what_it_seems(string kind)
    {
        int mistakes = Count(kind, LinkOptions.WithDelay(10), static (_, report) => Assert.True(report.IsComplete));
        Assert.Equal(0, mistakes);
    }

    /// <summary>Every twentieth packet is lost, each way, and those of one burst overtake each other. Of 1,000 NATs of a kind, 0.7 % were mistaken at most.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void On_a_bad_path_few_are_taken_for_what_they_are_not(string kind)
    {
        int mistakes = Count(kind, LinkOptions.WithDelay(10) with { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(5) }, static (_, _) => { });
        Assert.InRange(mistakes, 0, Math.Max(2, Seeds / 100));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_first_report_comes_after_one_round_trip_and_twelve_packets_at_most(string kind)
    {
        foreach (bool isSecond in new[] { false, true })
        {
            var machine = Run(Profile(kind), 1, LinkOptions.WithDelay(10), isSecond, seconds: 60);
            var (at, report) = machine.Reports[0];
            Assert.Equal(TimeSpan.FromMilliseconds(20), at - machine.Sent[0].At);
            Assert.NotEqual(Found.NatMapping.Unknown, report.Mapping);
            Assert.InRange(report.MappingsSeen, 3, 12); // three sockets at least, a mapping for each question at most
            Assert.InRange(machine.Sent.Count(sent => sent.At < at), 10, 12);
            Assert.InRange(machine.Sent.Count(sent => sent.At - machine.Sent[0].At < TimeSpan.FromSeconds(5)), 12, 24); // and what is tried in the background
            Assert.All(machine.Sent, static sent => Assert.InRange(sent.Bytes, 20, 1_200));
            Assert.Equal(machine.Main, Assert.Single(machine.Open)); // the fresh ones are closed
            Assert.InRange(machine.Reports.Count, 2, 4);
            Assert.InRange(machine.Reports[^1].At - machine.Sent[0].At, TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(1_100));
            Assert.All(machine.Reports, entry => Assert.Equal(at, entry.Report.MeasuredAt));
        }
    }

    [Fact]
    public void Two_public_addresses_are_seen()
    {
        int pooled = 0;
        for (ulong seed = 1; seed <= 50; seed++)
        {
            var report = Run(s_byDestination with { Pooling = AddressPooling.Arbitrary }, seed, LinkOptions.WithDelay(10), isSecond: false, external: $"{Nat},203.0.113.8").Reports[^1].Report;
            Assert.Equal(report.HasAddressPool, report.PublicHosts == 2);
            if (report.HasAddressPool) pooled++;
        }

        Assert.InRange(pooled, 45, 50);
    }

    [Fact]
    public void A_path_that_loses_large_datagrams_is_told_from_one_that_does_not()
    {
        var narrow = LinkOptions.WithDelay(10) with { MaxDatagram = 600 };
        var report = Run(NatProfile.PortRestricted, 1, narrow, isSecond: false).Reports[^1].Report;
        Assert.InRange(report.MaxDatagram, 60, 599);
        Assert.Equal(1_200, Run(NatProfile.PortRestricted, 1, LinkOptions.WithDelay(10), isSecond: false).Reports[^1].Report.MaxDatagram);
    }

    [Fact]
    public void A_server_with_one_address_leaves_open_what_it_cannot_tell()
    {
        Assert.Equal(Found.NatFiltering.EndpointOrAddressDependent, Run(NatProfile.FullCone, 1, LinkOptions.WithDelay(10), isSecond: false).Reports[^1].Report.Filtering);
        Assert.Equal(Found.NatFiltering.EndpointOrAddressDependent, Run(NatProfile.Restricted, 1, LinkOptions.WithDelay(10), isSecond: false).Reports[^1].Report.Filtering);
        Assert.Equal(Found.NatFiltering.AddressAndPortDependent, Run(NatProfile.PortRestricted, 1, LinkOptions.WithDelay(10), isSecond: false).Reports[^1].Report.Filtering);
    }

    /// <summary>A stranger's server, of which one address is known, after RFC 5780: its others are asked as well.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_server_without_credentials_shows_as_much_of_mapping_and_filtering(string kind)
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var report = Run(Profile(kind), seed, LinkOptions.WithDelay(10), isSecond: true, isKnown: false, asked: 1).Reports[^1].Report;
            Assert.Equal((MappingOf(Profile(kind)), Profile(kind).Filtering.ToString(), true), (report.Mapping, report.Filtering.ToString(), report.IsComplete));
        }
    }

    private static NatProfile Sequential(int step, double foreign) => s_byDestination with
    {
        Name = $"sequential-{step}-{foreign}", Allocation = new PortAllocation.Sequential(step), ForeignPortsPerSecond = foreign,
    };

    private static NatProfile Profile(string name) => s_kinds.Single(kind => kind.Name == name);

    private static Found.NatMapping MappingOf(NatProfile profile) => profile switch
    {
        { Allocation: PortAllocation.PreserveWithOverload } => Found.NatMapping.EndpointIndependent, // until two flows clash
        { Mapping: NatMapping.EndpointIndependent } => Found.NatMapping.EndpointIndependent,
        { Mapping: NatMapping.AddressDependent } => Found.NatMapping.AddressDependent,
        _ => Found.NatMapping.AddressAndPortDependent,
    };

    private int Count(string kind, LinkOptions link, Action<ulong, NatReport> check)
    {
        var profile = Profile(kind);
        var mistakes = new Dictionary<string, int>();
        int wrong = 0;
        for (ulong seed = 1; seed <= (ulong)Seeds; seed++)
        {
            var report = Run(profile, seed, link, isSecond: true).Reports[^1].Report;
            check(seed, report);
            var found = Mistakes(profile, report).ToList();
            if (found.Count > 0) wrong++;
            foreach (string mistake in found) mistakes[mistake] = mistakes.GetValueOrDefault(mistake) + 1;
        }

        output.WriteLine($"{kind}: {wrong} of {Seeds} wrong {string.Join("; ", mistakes.Select(static pair => $"{pair.Key} × {pair.Value}"))}");
        return wrong;
    }

    /// <summary>Facts that are not so. What is not known is no mistake where the path was bad, and is looked for where it was good.</summary>
    private static IEnumerable<string> Mistakes(NatProfile profile, NatReport report)
    {
        bool isByDestination = MappingOf(profile) != Found.NatMapping.EndpointIndependent;
        if (report.Mapping != MappingOf(profile)) yield return $"mapping {report.Mapping}";
        if (report.Filtering.ToString() != profile.Filtering.ToString()) yield return $"filtering {report.Filtering}";
        var allocation = profile.Allocation switch
        {
            PortAllocation.Sequential => NatAllocation.Sequential,
            PortAllocation.Preserve or PortAllocation.PreserveWithOverload => NatAllocation.Preserve,
            _ => NatAllocation.Random,
        };
        bool isFew = profile.Mapping != NatMapping.AddressAndPortDependent; // three or four mappings may not suffice
        if (report.Allocation != allocation && !(isFew && report.Allocation == NatAllocation.Unknown)) yield return $"allocation {report.Allocation}";
        if (report.Allocation == NatAllocation.Sequential && profile.Allocation is PortAllocation.Sequential { KeepParity: false, Step: var step } && !isFew && report.Step != step) yield return $"step {report.Step}";
        bool isBand = isByDestination && report.Allocation != NatAllocation.Sequential;
        if (isBand != (report.LowestPort != 0)) yield return "band";
        if (isBand && (report.LowestPort < profile.Ports.First || report.HighestPort > profile.Ports.Last)) yield return "outside the range";
        if (report.BlockSize != 0 && profile.Allocation is PortAllocation.Block { Size: var size } && report.BlockSize != size && report.BlockSize != size / 2) yield return $"block {report.BlockSize}";
        if (report.BlockSize > 512 && profile.Ports.Last - profile.Ports.First < 512) yield return $"a block of {report.BlockSize} around a band";
        if (report.KeepsParity == false && (profile.Allocation.KeepParity || (allocation == NatAllocation.Preserve && !isByDestination))) yield return "parity not seen";
        if (report.IsSpoiledByStrangers is { } spoiled && spoiled != profile.RecordsUnsolicited) yield return $"spoiled {spoiled}";
        if (report.Hairpins != (profile.Hairpinning != Hairpinning.None)) yield return $"hairpins {report.Hairpins}";
        if (report.PublicHosts != 1 || report.IsOverloading == true) yield return "hosts";
        if (report.MaxDatagram != 1_200) yield return $"datagrams of {report.MaxDatagram}";
    }

    private static DetectingMachine Run(
        NatProfile profile, ulong seed, LinkOptions link, bool isSecond, bool isKnown = true, int asked = 4, double seconds = 5, string external = Nat)
    {
        var lab = new Simulation(seed);
        var serverHost = lab.Internet.AddHost("server", isSecond ? "198.51.100.1,198.51.100.2" : "198.51.100.1", link);
        var listen = StunServerOptions.Default with { Listen = isSecond ? [.. s_oneHost, .. s_second] : s_oneHost };
        serverHost.Run(new StunServer(listen, s_key, new WallClock(Instant.Zero, s_start), lab.CreateEntropy()));
        lab.RunFor(TimeSpan.Zero);
        var host = lab.Internet.AddNat("nat", profile, external).Inside.AddHost("host", "192.168.1.10");
        var machine = new DetectingMachine(lab.CreateEntropy());
        var running = host.Run(machine);
        ImmutableArray<TransportAddress> servers = [.. s_oneHost.Take(asked), .. isSecond && isKnown ? s_second[..1] : []];
        var credential = isKnown ? new StunCredentialIssuer(s_key).Issue(s_peer, s_start) : null;
        running.Invoke(now => machine.Start(now, servers, credential));
        lab.RunFor(TimeSpan.FromSeconds(seconds));
        return machine;
    }
}
