using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using static Porthole.Scenarios.Lab.Nat.NatTableTests;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>RFC 4787 sections 4.1 and 4.2: which address and port a mapping gets, and what happens when they run out.</summary>
public sealed class PortAllocationTests
{
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");
    private static readonly TransportAddress s_stranger = TransportAddress.Parse("198.51.100.2:3478");

    [Fact]
    public void Preservation_keeps_the_port_for_the_first_and_draws_one_for_the_second()
    {
        var nat = Create(NatProfile.PortRestricted);
        Assert.Equal(5000, Send(nat, 0, Host(1, 5000), s_server).Port);
        Assert.NotEqual(5000, Send(nat, 0, Host(2, 5000), s_server).Port);
        Assert.Equal(80, Send(nat, 0, Host(3, 80), s_server).Port); // outside the range, but preserved
    }

    [Fact]
    public void Overloading_shares_a_port_while_the_remotes_differ()
    {
        var nat = Create(NatProfile.Masquerade);
        var one = Send(nat, 0, Host(1, 5000), s_server);
        var two = Send(nat, 0, Host(2, 5000), s_stranger);
        Assert.Equal(one, two);
        Assert.Equal(Host(1, 5000), Receive(nat, 1, s_server, one));
        Assert.Equal(Host(2, 5000), Receive(nat, 1, s_stranger, one));
        Assert.NotEqual(5000, Send(nat, 2, Host(2, 5000), s_server).Port);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(-1)]
    public void Sequential_ports_count_in_steps(int step)
    {
        var nat = Create(NatProfile.SymmetricSequential with { Allocation = new PortAllocation.Sequential(step) });
        int first = Send(nat, 0, Host(1, 5000), s_server).Port;
        var ports = Enumerable.Range(1, 3).Select(i => (int)Send(nat, 0, Host(1, 5000), s_server.WithPort((ushort)i)).Port);
        Assert.Equal([first + step, first + 2 * step, first + 3 * step], ports);
    }

    [Fact]
    public void A_counter_stands_anywhere_and_chance_moves_it_when_the_nat_restarts()
    {
        var firsts = Enumerable.Range(1, 100).Select(seed => (int)Send(Create(NatProfile.SymmetricSequential, (ulong)seed), 0, Host(1, 5000), s_server).Port).ToList();
        Assert.InRange(firsts.Average(), 27_000, 40_000); // the middle ± 3 standard errors
        var nat = Create(NatProfile.SymmetricSequential);
        int before = Send(nat, 0, Host(1, 5000), s_server).Port;
        nat.Reset();
        Assert.NotEqual(before + 1, Send(nat, 0, Host(1, 5000), s_server).Port);
    }

    [Fact]
    public void Sequential_ports_start_again_at_the_end_of_the_range_and_skip_taken_ones()
    {
        var nat = Create(NatProfile.SymmetricSequential with { Ports = new PortRange(2000, 2002) });
        int[] ports = [.. Enumerable.Range(1, 3).Select(i => (int)Send(nat, 0, Host(i, 1), s_server).Port)];
        Assert.Equal([2000, 2001, 2002], ports.Order());
        Assert.Equal(ports[0], ports[1] == 2000 ? 2002 : ports[1] - 1);
        Assert.Equal(NatDropReason.NoFreePort, nat.TranslateOutbound(default, new NatPacket(Host(4, 1), s_server)).Reason);
        Send(nat, 20_000, Host(2, 1), s_server); // the second stays in use
        Assert.Equal([ports[0], ports[2]], Enumerable.Range(5, 2).Select(i => (int)Send(nat, 30_000, Host(i, 1), s_server).Port));
    }

    [Fact]
    public void Random_ports_fill_the_whole_range_evenly()
    {
        var nat = Create(NatProfile.Symmetric with { Ports = new PortRange(10_000, 10_999) });
        var ports = Enumerable.Range(1, 1000).Select(i => (int)Send(nat, 0, Host(1, 5000), s_server.WithPort((ushort)i)).Port).ToList();
        Assert.Equal(Enumerable.Range(10_000, 1000), ports.Order());
        Assert.InRange(ports.Take(200).Average(), 10_440, 10_560); // 500 ± 3 standard errors
    }

    [Fact]
    public void A_block_belongs_to_one_host_and_limits_it()
    {
        var nat = Create(NatProfile.SymmetricCarrier with { Allocation = new PortAllocation.Block(8), MaxMappingsPerHost = 100 });
        var blocks = new HashSet<int>();
        for (int host = 1; host <= 50; host++)
        {
            var ports = Enumerable.Range(1, 8).Select(i => (int)Send(nat, 0, Host(host, 5000), s_server.WithPort((ushort)i)).Port).ToList();
            Assert.Single(ports.Select(port => (port - 1024) / 8).Distinct());
            Assert.True(blocks.Add((ports[0] - 1024) / 8), "two hosts share a block");
            Assert.Equal(NatDropReason.NoFreePort, nat.TranslateOutbound(default, new NatPacket(Host(host, 5000), s_stranger)).Reason);
        }
    }

    [Fact]
    public void Further_blocks_follow_up_to_the_limit()
    {
        var nat = Create(NatProfile.SymmetricCarrier with { Allocation = new PortAllocation.Block(4, BlocksPerHost: 3), MaxMappingsPerHost = 100 });
        for (int i = 1; i <= 12; i++) Send(nat, 0, Host(1, 5000), s_server.WithPort((ushort)i));
        Assert.Equal(NatDropReason.NoFreePort, nat.TranslateOutbound(default, new NatPacket(Host(1, 5000), s_stranger)).Reason);
        Send(nat, 30_000, Host(1, 5000), s_stranger); // all have expired: the blocks are free again
    }

    [Fact]
    public void Parity_is_kept_whatever_the_kind()
    {
        PortAllocation[] kinds =
            [new PortAllocation.Random(), new PortAllocation.Sequential(), new PortAllocation.Block(64), new PortAllocation.Preserve()];
        foreach (var kind in kinds)
        {
            var nat = Create(NatProfile.Symmetric with { Allocation = kind with { KeepParity = true } });
            for (int i = 1; i <= 16; i++)
            {
                ushort port = (ushort)(5000 + i % 2);
                Assert.Equal(port & 1, Send(nat, 0, Host(1, port), s_server.WithPort((ushort)i)).Port & 1);
            }
        }
    }

    [Theory]
    [InlineData(AddressPooling.Paired, 1)]
    [InlineData(AddressPooling.Arbitrary, 4)]
    public void Pooling_decides_whether_a_host_keeps_one_address(AddressPooling pooling, int expected)
    {
        var pool = Enumerable.Range(1, 4).Select(i => TransportAddress.Parse($"203.0.113.{i}:0")).ToArray();
        var nat = new NatTable(NatProfile.Symmetric with { Pooling = pooling }, new SeededEntropy(7), pool);
        var seen = Enumerable.Range(1, 64).Select(i => Send(nat, 0, Host(1, 5000), s_server.WithPort((ushort)i)).Host).Distinct();
        Assert.Equal(expected, seen.Count());
        Assert.Equal(4, Enumerable.Range(1, 64).Select(i => Send(nat, 0, Host(i, 6000), s_server).Host).Distinct().Count());
    }

    [Fact]
    public void A_full_table_refuses_or_evicts_the_oldest()
    {
        var refusing = Create(NatProfile.PortRestricted with { MaxMappings = 3 });
        var evicting = Create(NatProfile.PortRestricted with { MaxMappings = 3, WhenFull = NatOverflow.EvictOldest });
        foreach (var nat in new[] { refusing, evicting })
        {
            for (int i = 1; i <= 3; i++) Send(nat, i, Host(i, 5000 + i), s_server);
            Send(nat, 10, Host(1, 5001), s_server); // now host 2 is the oldest
        }

        var later = Instant.FromMilliseconds(20);
        Assert.Equal(NatDropReason.TableFull, refusing.TranslateOutbound(later, new NatPacket(Host(4, 5004), s_server)).Reason);
        Send(evicting, 20, Host(4, 5004), s_server);
        Assert.Equal([Host(3, 5003), Host(1, 5001), Host(4, 5004)], evicting.GetMappings(later).Select(mapping => mapping.Internal));
        Assert.Equal(3, evicting.MappingCount);
    }

    [Fact]
    public void A_greedy_host_uses_up_its_own_share_only()
    {
        var nat = Create(NatProfile.Symmetric with { MaxMappingsPerHost = 5 });
        for (int i = 1; i <= 5; i++) Send(nat, 0, Host(1, 5000), s_server.WithPort((ushort)i));
        Assert.Equal(NatDropReason.HostFull, nat.TranslateOutbound(default, new NatPacket(Host(1, 5000), s_stranger)).Reason);
        Send(nat, 0, Host(2, 5000), s_stranger);
        Send(nat, 30_000, Host(1, 5000), s_stranger); // the five have expired
    }

    private static TransportAddress Host(int number, int port) => TransportAddress.Parse($"192.168.1.{number}:{port}");
}
