using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>What holds for every NAT, whatever its parameters, under random traffic.</summary>
public sealed class NatPropertyTests
{
    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_reply_finds_its_sender_and_no_two_endpoints_share_a_tuple(ulong seed)
    {
        var chance = new SeededEntropy(seed);
        var profile = RandomProfile(chance);
        var pool = Enumerable.Range(1, chance.NextInt32(1, 4)).Select(i => TransportAddress.Parse($"203.0.113.{i}:0")).ToArray();
        var nat = new NatTable(profile, new SeededEntropy(seed + 1000), pool);
        var now = default(Instant);
        for (int step = 0; step < 600; step++)
        {
            now += TimeSpan.FromMilliseconds(chance.NextDouble(0, 1500));
            var inside = TransportAddress.Parse($"192.168.1.{chance.NextInt32(1, 5)}:{chance.NextInt32(5000, 5003)}");
            var outside = TransportAddress.Parse($"198.51.100.{chance.NextInt32(1, 4)}:{chance.NextInt32(1, 4)}");
            if (chance.NextInt32(0, 20) == 0) AskForPort(nat, now, chance, inside);
            if (chance.NextInt32(0, 3) == 0)
            {
                var target = pool[chance.NextInt32(0, pool.Length)].WithPort((ushort)chance.NextInt32(4990, 5100));
                nat.TranslateInbound(now, new NatPacket(outside, target)); // stray packets, some of which hit
                continue;
            }

            var sent = nat.TranslateOutbound(now, new NatPacket(inside, outside));
            if (!sent.IsTranslated) continue;
            Assert.Contains(pool, address => address.SameHost(sent.Packet.Source));
            var reply = nat.TranslateInbound(now, new NatPacket(outside, sent.Packet.Source));
            Assert.True(reply.IsTranslated, $"seed {seed}, step {step}: {profile} loses the reply ({reply.Reason})");
            Assert.Equal(new NatPacket(outside, inside), reply.Packet);
            AssertBounded(nat, profile);
        }
    }

    [Theory]
    [MemberData(nameof(FewSeeds))]
    public void The_table_stays_within_its_limits_under_a_flood(ulong seed)
    {
        var chance = new SeededEntropy(seed);
        var profile = RandomProfile(chance) with { MaxMappings = 40, MaxMappingsPerHost = 20, MaxSessions = 100 };
        var nat = new NatTable(profile, new SeededEntropy(seed), TransportAddress.Parse("203.0.113.1:0"));
        Span<byte> address = stackalloc byte[4];
        for (int step = 0; step < 3000; step++)
        {
            var now = Instant.FromMilliseconds(step);
            chance.Fill(address);
            var outside = new TransportAddress(address, (ushort)chance.NextInt32(1, 65_536));
            var inside = TransportAddress.Parse($"192.168.{chance.NextInt32(0, 9)}.{chance.NextInt32(1, 250)}:{chance.NextInt32(1, 65_536)}");
            nat.TranslateOutbound(now, new NatPacket(inside, outside));
            nat.TranslateInbound(now, new NatPacket(outside, TransportAddress.Parse($"203.0.113.1:{chance.NextInt32(1, 65_536)}")));
            if (nat.GetMappings(now) is [.., var last]) nat.TranslateInbound(now, new NatPacket(outside, last.External));
            AssertBounded(nat, profile);
        }
    }

    [Fact]
    public void The_same_seed_makes_the_same_nat()
    {
        static List<NatMappingInfo> Run(ulong seed)
        {
            var nat = new NatTable(NatProfile.Symmetric, new SeededEntropy(seed), TransportAddress.Parse("203.0.113.1:0"));
            var inside = TransportAddress.Parse("10.0.0.1:1");
            for (int i = 1; i < 100; i++) nat.TranslateOutbound(default, new NatPacket(inside, TransportAddress.Parse($"198.51.100.1:{i}")));
            return [.. nat.GetMappings(default)];
        }

        Assert.Equal(Run(5), Run(5));
        Assert.NotEqual(Run(5), Run(6));
    }

    public static TheoryData<ulong> Seeds() => [.. Enumerable.Range(1, 60).Select(seed => (ulong)seed)];

    public static TheoryData<ulong> FewSeeds() => [.. Enumerable.Range(1, 15).Select(seed => (ulong)seed)];

    private static NatProfile RandomProfile(SeededEntropy chance)
    {
        PortAllocation[] allocations =
        [
            new PortAllocation.Preserve(), new PortAllocation.PreserveWithOverload(), new PortAllocation.Sequential(chance.NextInt32(1, 4)),
            new PortAllocation.Random(), new PortAllocation.Block(32), new PortAllocation.Random { KeepParity = true },
        ];
        return new NatProfile
        {
            Name = "random",
            ForeignPortsPerSecond = chance.NextInt32(0, 2) * 20,
            MaxMappingAge = chance.NextInt32(0, 2) == 0 ? null : TimeSpan.FromSeconds(10),
            Mapping = Pick<NatMapping>(chance),
            Filtering = Pick<NatFiltering>(chance),
            FilterScope = Pick<FilterScope>(chance),
            Answers = Pick<AnswerRoute>(chance),
            Allocation = allocations[chance.NextInt32(0, allocations.Length)],
            Pooling = Pick<AddressPooling>(chance),
            Hairpinning = Pick<Hairpinning>(chance),
            WhenFull = Pick<NatOverflow>(chance),
            InboundRefresh = chance.NextInt32(0, 2) == 0,
            RecordsUnsolicited = chance.NextInt32(0, 2) == 0,
        };
    }

    private static void AskForPort(NatTable nat, Instant now, SeededEntropy chance, TransportAddress inside)
    {
        if (chance.NextInt32(0, 4) == 0)
        {
            nat.RemovePortMapping(now, NatProtocol.Udp, inside);
            return;
        }

        if (!nat.TryAddPortMapping(now, NatProtocol.Udp, inside, (ushort)chance.NextInt32(4990, 5010), TimeSpan.FromSeconds(60), out var external)) return;
        var stranger = TransportAddress.Parse("198.51.100.99:99");
        Assert.Equal(inside, nat.TranslateInbound(now, new NatPacket(stranger, external)).Packet.Destination);
    }

    private static T Pick<T>(SeededEntropy chance)
        where T : struct, Enum
    {
        var values = Enum.GetValues<T>();
        return values[chance.NextInt32(0, values.Length)];
    }

    private static void AssertBounded(NatTable nat, NatProfile profile)
    {
        Assert.True(nat.MappingCount <= profile.MaxMappings);
        Assert.True(nat.StateCount <= profile.MaxSessions, $"{nat.StateCount} > {profile.MaxSessions}");
    }
}
