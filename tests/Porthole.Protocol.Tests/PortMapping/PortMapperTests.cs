using System.Buffers.Binary;
using Porthole.Protocol.PortMapping;

namespace Porthole.Protocol.Tests.PortMapping;

/// <summary>What is asked of a gateway, when, and what is made of its answers.</summary>
public sealed class PortMapperTests
{
    private const string PcpHere = "028000000000000000000064000000000000000000000000", PmpHere = "0080000000000064CB007101";

    [Fact]
    public void All_three_are_asked_at_once_and_a_silent_gateway_is_left_alone()
    {
        var bench = new MapperBench().Start();
        bench.PassSeconds(60);

        Assert.Equal([0, 250, 750, 1_750], bench.TimesTo(5351, 2));
        Assert.Equal([0, 250, 750, 1_750], bench.TimesTo(5351, 0));
        Assert.Equal(4, bench.SentTo(1900).Count());
        Assert.Equal("192.168.1.1 maps no ports: it does not answer.", bench.Failure());
        bench.PassSeconds(1_700);
        Assert.Equal(12, bench.Sent.Count);
        bench.PassSeconds(60);
        Assert.Equal(2 * 12, bench.Sent.Count); // half an hour later
    }

    [Fact]
    public void PCP_is_taken_at_once()
    {
        var bench = new MapperBench().Start();
        bench.Say(PmpHere);
        bench.PassSeconds(0.01);
        bench.Say(PcpHere);
        Assert.Equal(60, bench.Sent[^1].Bytes.Length);
        GrantPcp(bench, 50_000, 3_600);

        var mapped = Assert.IsType<PortMapperEvent.Mapped>(Assert.Single(bench.Events)).Port;
        Assert.Equal(
            new MappedPort(MapperBench.Local, Transports.Udp, TransportAddress.Parse("203.0.113.1:50000"), TimeSpan.FromHours(1), PortMappingProtocol.Pcp, MapperBench.Gateway),
            mapped);
        Assert.True(mapped.IsPublic);
    }

    [Fact]
    public void Another_protocol_waits_for_PCP_a_moment()
    {
        var bench = new MapperBench().Start();
        bench.Say(PmpHere);
        bench.PassSeconds(0.24);
        Assert.DoesNotContain(bench.Sent, static sent => sent.Bytes.Length == 12);
        bench.PassSeconds(0.02);
        Assert.Contains(bench.Sent, static sent => sent.Bytes.Length == 12);
    }

    [Fact]
    public void Where_PCP_is_refused_nothing_is_waited_for()
    {
        var bench = new MapperBench().Start();
        bench.Say("0080000100000064");
        bench.Say(PmpHere);
        Assert.Equal(12, bench.Sent[^1].Bytes.Length);
    }

    [Fact]
    public void A_lease_is_renewed_at_half_its_time_and_lost_at_its_end()
    {
        var bench = Mapped(600);
        bench.PassSeconds(299);
        Assert.Single(bench.Sent, static sent => sent.Bytes.Length == 60);
        bench.PassSeconds(2);
        Assert.Equal([0, 300_000, 300_250, 300_750], bench.Sent.Where(static sent => sent.Bytes.Length == 60).Select(static sent => (sent.At - Instant.Zero).TotalMilliseconds));
        Assert.DoesNotContain(bench.Events, static happened => happened is PortMapperEvent.Lost);
        bench.PassSeconds(300);
        Assert.Single(bench.Events.OfType<PortMapperEvent.Lost>());
        Assert.Empty(bench.Mapper.Mappings);
    }

    [Theory]
    [InlineData(60, 50_000, true)]
    [InlineData(59, 50_000, false)]
    [InlineData(3_600, 1_024, true)]
    [InlineData(3_600, 1_023, false)]
    [InlineData(3_600, 0, false)]
    public void Short_leases_and_ports_of_services_are_given_back(uint lease, int port, bool isTaken)
    {
        var bench = new MapperBench().Start();
        bench.Say(PcpHere);
        GrantPcp(bench, (ushort)port, lease);

        Assert.Equal(isTaken, bench.Mapper.Mappings.Any());
        Assert.Equal(!isTaken, bench.Sent.Any(static sent => sent.Bytes.Length == 60 && sent.Bytes.AsSpan(4, 4).IndexOfAnyExcept((byte)0) < 0));
        Assert.Equal(isTaken ? 1 : 0, bench.Events.Count);
    }

    [Fact]
    public void A_gateway_that_takes_everything_back_is_asked_again_later()
    {
        var bench = new MapperBench().Start(new PortWish(MapperBench.Local, Transports.Udp), new PortWish(MapperBench.Local, Transports.Tcp));
        bench.Say(PcpHere);
        GrantLastPcp(bench, protocol: 17, lease: 3_600);
        GrantLastPcp(bench, protocol: 6, lease: 3_600, result: 8); // it has no room: tried again in half an hour
        bench.PassSeconds(1_801 - 1);
        GrantLastPcp(bench, protocol: 17, lease: 1);

        Assert.Empty(bench.Mapper.Mappings);
        int sent = bench.Sent.Count;
        bench.PassSeconds(2_000);
        Assert.True(bench.Mapper.NextDeadline > bench.Now);
        Assert.InRange(bench.Sent.Count, sent + 1, sent + 40);
    }

    [Fact]
    public void A_lease_of_a_year_is_an_hour()
    {
        var bench = Mapped(31_536_000);
        Assert.Equal(TimeSpan.FromHours(1), Assert.Single(bench.Mapper.Mappings).Lease);
    }

    [Theory]
    [InlineData(80)]
    [InlineData(1_023)]
    public void Ports_of_services_are_not_asked_for(int port)
    {
        var bench = new MapperBench().Start(new PortWish(MapperBench.Local.WithPort((ushort)port), Transports.Udp));
        Assert.Empty(bench.Requests);
    }

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("203.0.113.7:0")]
    [InlineData("169.254.1.1:0")]
    [InlineData("192.168.1.10:0")] // the host itself
    public void Only_a_private_gateway_is_asked(string gateway)
    {
        var mapper = new MapperBench().Mapper;
        mapper.SetNetwork(Instant.Zero, [MapperBench.Local.Host], [TransportAddress.Parse(gateway)]);
        mapper.Want(Instant.Zero, [new PortWish(MapperBench.Local, Transports.Udp)]);
        Assert.False(mapper.TryTakeRequest(out _));
    }

    [Fact]
    public void Only_the_gateway_is_heard()
    {
        var bench = new MapperBench().Start();
        bench.Say(Convert.FromHexString(PcpHere), from: TransportAddress.Parse("192.168.1.66:0"));
        bench.Say(Convert.FromHexString(PcpHere), port: 5_352);
        Assert.DoesNotContain(bench.Sent, static sent => sent.Bytes.Length == 60);
        bench.Say(PcpHere);
        GrantPcp(bench, 50_000, 3_600, change: static answer => answer[24] ^= 1); // another nonce
        Assert.Empty(bench.Mapper.Mappings);
    }

    [Fact]
    public void A_gateway_that_restarts_with_every_answer_is_not_flooded()
    {
        var bench = Mapped(3_600);
        int asked = bench.Sent.Count;
        for (int i = 0; i < 100; i++)
        {
            bench.PassSeconds(121);
            bench.Say("028000000000000000000000000000000000000000000000");
            GrantPcp(bench, 50_000, 3_600, epoch: 0);
        }

        Assert.InRange(bench.Sent.Count - asked, 100, 600); // six packets in two minutes: a check and a request, sent three times each
    }

    [Fact]
    public void At_the_end_everything_is_given_back_and_closed()
    {
        var bench = Mapped(3_600);
        bench.Mapper.Stop(bench.Now);
        bench.Drain();

        Assert.Equal(60, bench.Sent[^1].Bytes.Length);
        Assert.Equal("00000000", Convert.ToHexString(bench.Sent[^1].Bytes.AsSpan(4, 4)));
        Assert.Equal(new SocketRequest.Close(new SocketId(1)), bench.Requests[^1]);
        Assert.Single(bench.Events.OfType<PortMapperEvent.Lost>());
        Assert.Null(bench.Mapper.NextDeadline);
    }

    [Fact]
    public void Another_gateway_is_asked_anew()
    {
        var bench = Mapped(3_600);
        bench.Mapper.SetNetwork(bench.Now, [TransportAddress.Parse("10.0.0.5:0")], [TransportAddress.Parse("10.0.0.1:0")]);
        bench.Mapper.Want(bench.Now, [new PortWish(TransportAddress.Parse("10.0.0.5:8900"), Transports.Udp)]);
        bench.Drain();

        Assert.Single(bench.Events.OfType<PortMapperEvent.Lost>());
        Assert.Contains(bench.Sent, static sent => sent.To == TransportAddress.Parse("10.0.0.1:5351"));
    }

    [Fact]
    public void A_change_that_leaves_the_gateway_is_checked_and_costs_no_mapping()
    {
        var bench = Mapped(3_600);
        bench.Mapper.SetNetwork(bench.Now, [MapperBench.Local.Host, TransportAddress.Parse("10.0.0.5:0")], [MapperBench.Gateway]);
        bench.Drain();

        Assert.Equal(24, bench.Sent[^1].Bytes.Length);
        Assert.Single(bench.Mapper.Mappings);
    }

    [Fact]
    public void What_is_not_wanted_any_more_is_given_back()
    {
        var bench = Mapped(3_600);
        bench.Mapper.Want(bench.Now, [new PortWish(MapperBench.Local, Transports.Tcp)]);
        bench.Drain();

        Assert.Single(bench.Events.OfType<PortMapperEvent.Lost>());
        Assert.Contains(bench.Sent, static sent => sent.Bytes is [2, 1, ..] && sent.Bytes[36] == 6 && sent.Bytes[6] != 0);
    }

    [Fact]
    public void An_IPv6_host_asks_for_a_pinhole_by_PCP_alone()
    {
        var bench = new MapperBench();
        var local = TransportAddress.Parse("[2001:db8::5]:8900");
        bench.Mapper.SetNetwork(bench.Now, [local.Host], [MapperBench.Gateway, new TransportAddress(TransportAddress.Parse("[fe80::1]:0").Address.GetAddressBytes(), 0, 3)]);
        bench.Mapper.Want(bench.Now, [new PortWish(local, Transports.Udp)]);
        bench.Drain();

        var (_, to, bytes) = Assert.Single(bench.Sent);
        Assert.Equal((3u, (ushort)5351, 24), (to.Scope, to.Port, bytes.Length));
    }

    private static MapperBench Mapped(uint lease)
    {
        var bench = new MapperBench().Start();
        bench.Say(PcpHere);
        GrantPcp(bench, 50_000, lease);
        return bench;
    }

    /// <summary>Answers the newest PCP request for a mapping.</summary>
    private static void GrantLastPcp(MapperBench bench, byte protocol, uint lease, byte result = 0)
    {
        byte[] answer = [.. bench.Sent.FindLast(sent => sent.Bytes.Length == 60 && sent.Bytes[36] == protocol).Bytes];
        (answer[1], answer[3]) = ((byte)(answer[1] | 0x80), result);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), lease);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(8), 100 + (uint)(bench.Now - Instant.Zero).TotalSeconds);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(42), 50_000);
        Convert.FromHexString("00000000000000000000FFFFCB007101").CopyTo(answer, 44);
        bench.Say(answer);
    }

    private static void GrantPcp(MapperBench bench, ushort port, uint lease, uint epoch = 100, Action<byte[]>? change = null)
    {
        if (bench.Sent.FindLast(static sent => sent.Bytes.Length == 60) is not { Bytes: { } request }) return;
        byte[] answer = [.. request];
        answer[1] |= 0x80;
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), lease);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(8), epoch + (uint)(bench.Now - Instant.Zero).TotalSeconds * (epoch == 0 ? 0u : 1u));
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(42), port);
        Convert.FromHexString("00000000000000000000FFFFCB007101").CopyTo(answer, 44);
        change?.Invoke(answer);
        bench.Say(answer);
    }
}
