using Porthole.Lab.Nat;
using Porthole.Protocol;
using static Porthole.Scenarios.Lab.Nat.NatTableTests;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>What other hosts behind a NAT do to its ports, and how old a mapping gets.</summary>
public sealed class ForeignTrafficTests
{
    private static readonly TransportAddress s_host = TransportAddress.Parse("192.168.1.10:5000");
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 20)]
    [InlineData(-1, 48)]
    public void Others_move_a_counter_on_as_a_Poisson_process_does(int step, double rate)
    {
        const int Gaps = 400;
        var nat = Create(NatProfile.SymmetricSequential with { Allocation = new PortAllocation.Sequential(step), ForeignPortsPerSecond = rate });
        var foreign = new List<int>();
        int last = Send(nat, 0, s_host, s_server).Port;
        for (int i = 1; i <= Gaps; i++)
        {
            int port = Send(nat, 100 * i, s_host, s_server.WithPort((ushort)i)).Port;
            int distance = (port - last) / step;
            if (distance > 0) foreign.Add(distance - 1); // else the counter began again
            last = port;
        }

        // Mean and variance are both λt; the estimates are within four standard errors.
        double mean = rate / 10, error = 4 * Math.Sqrt(mean / foreign.Count);
        Assert.InRange(foreign.Count, Gaps - 1, Gaps);
        Assert.InRange(foreign.Average(), mean - error, mean + error);
        double variance = foreign.Average(count => (count - mean) * (count - mean));
        Assert.InRange(variance, 0.6 * mean, 1.5 * mean);
    }

    [Fact]
    public void It_does_not_matter_how_often_the_table_is_looked_at()
    {
        var profile = NatProfile.SymmetricSequential with { ForeignPortsPerSecond = 20 };
        NatTable seldom = Create(profile), often = Create(profile);
        int first = Send(seldom, 0, s_host, s_server).Port;
        Assert.Equal(first, Send(often, 0, s_host, s_server).Port);
        for (int at = 1; at < 10_000; at += 7) Receive(often, at, s_server, TransportAddress.Parse("203.0.113.1:9"));
        Assert.Equal(Send(seldom, 10_000, s_host, s_server.WithPort(1)).Port, Send(often, 10_000, s_host, s_server.WithPort(1)).Port);
    }

    [Fact]
    public void Others_take_ports_of_a_nat_that_preserves_and_give_them_back()
    {
        // 8 ports a second for 30 s: 240 of 1000.
        var profile = NatProfile.PortRestricted with { Ports = new PortRange(5000, 5999), ForeignPortsPerSecond = 8 };
        int kept = 0;
        for (ulong seed = 1; seed <= 400; seed++)
        {
            var nat = Create(profile, seed);
            Send(nat, 0, s_host.WithPort(6000), s_server); // others are noticed from now on
            if (Send(nat, 120_000, s_host.WithPort((ushort)(5000 + seed)), s_server).Port == 5000 + (int)seed) kept++;
        }

        Assert.InRange(kept / 400.0, 0.675, 0.845); // 0.76 ± four standard errors
    }

    [Fact]
    public void A_nat_whose_ports_others_use_up_has_none_left()
    {
        var nat = Create(NatProfile.Symmetric with { Ports = new PortRange(5000, 5009), ForeignPortsPerSecond = 100 });
        Send(nat, 0, s_host, s_server);
        Assert.Equal(NatDropReason.NoFreePort, nat.TranslateOutbound(Instant.FromMilliseconds(10_000), new NatPacket(s_host, s_server.WithPort(1))).Reason);
        Assert.Equal(1, nat.MappingCount);
    }

    [Fact]
    public void Nobody_competes_for_the_ports_of_a_block_or_of_a_nat_that_overloads()
    {
        foreach (var quiet in new[] { NatProfile.SymmetricCarrier, NatProfile.Masquerade })
        {
            NatTable alone = Create(quiet), among = Create(quiet with { ForeignPortsPerSecond = 100 });
            for (int i = 1; i <= 50; i++)
            {
                var remote = s_server.WithPort((ushort)i);
                Assert.Equal(Send(alone, 100 * i, s_host, remote), Send(among, 100 * i, s_host, remote));
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_mapping_dies_of_age_whatever_its_traffic(bool inbound)
    {
        var nat = Create(NatProfile.FullCone with { Allocation = new PortAllocation.Random(), MaxMappingAge = TimeSpan.FromMinutes(2) });
        var external = Send(nat, 0, s_host, s_server);
        for (int at = 10_000; at < 120_000; at += 10_000)
        {
            if (inbound) Assert.Equal(s_host, Receive(nat, at, s_server, external));
            else Assert.Equal(external, Send(nat, at, s_host, s_server));
        }

        Assert.Equal(s_host, Receive(nat, 119_999, s_server, external));
        Assert.Null(Receive(nat, 120_000, s_server, external));
        Assert.NotEqual(external, Send(nat, 120_001, s_host, s_server));
    }

    [Fact]
    public void An_idle_mapping_dies_before_its_age()
    {
        var nat = Create(NatProfile.Ageing);
        var external = Send(nat, 0, s_host, s_server);
        Assert.Equal(s_host, Receive(nat, 29_999, s_server, external)); // now it lives for 120 s more
        Assert.Null(Receive(nat, 149_999, s_server, external));
    }

    [Fact]
    public void A_connection_dies_of_age_too()
    {
        var nat = Create(NatProfile.Ageing with { MaxMappingAge = TimeSpan.FromSeconds(5) });
        NatVerdict Out(double at, TcpBits bits) => nat.TranslateOutbound(Instant.FromMilliseconds(at), NatPacket.Tcp(s_host, s_server, bits));
        Assert.True(Out(0, TcpBits.Syn).IsTranslated);
        Assert.True(nat.TranslateInbound(Instant.FromMilliseconds(1), NatPacket.Tcp(s_server, TransportAddress.Parse("203.0.113.1:5000"), TcpBits.Syn | TcpBits.Ack)).IsTranslated);
        Assert.True(Out(4_999, TcpBits.Ack).IsTranslated);
        Assert.Equal(NatDropReason.NoConnection, Out(5_000, TcpBits.Ack).Reason);
    }
}
