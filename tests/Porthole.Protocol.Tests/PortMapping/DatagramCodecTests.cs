using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.PortMapping;

namespace Porthole.Protocol.Tests.PortMapping;

/// <summary>PCP and NAT-PMP on the wire.</summary>
public sealed class DatagramCodecTests
{
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:8900");
    private static readonly MappingNonce s_nonce = new(0x0102030405060708, 0x090A0B0C);

    private static readonly byte[] s_pcpMap = Convert.FromHexString(
        "02810000" + "00000E10" + "00000064" + "000000000000000000000000"
        + "0102030405060708090A0B0C" + "11000000" + "22C4" + "C350" + "00000000000000000000FFFFCB007101");

    private static readonly byte[] s_pmpMap = Convert.FromHexString("00810000" + "00000064" + "22C4" + "C350" + "00000E10");

    [Fact]
    public void A_PCP_request_is_as_the_RFC_draws_it()
    {
        byte[] request = new byte[GatewayCodec.MaxRequest];
        Assert.Equal(60, PcpCodec.Instance.WriteMap(request, Entry(), 3600));
        Assert.Equal(
            "02010000" + "00000E10" + "00000000000000000000FFFFC0A8010A"
            + "0102030405060708090A0B0C" + "11000000" + "22C4" + "22C4" + "00000000000000000000FFFF00000000",
            Convert.ToHexString(request));
        Assert.Equal(24, PcpCodec.Instance.WriteProbe(request, s_local));
        Assert.Equal("020000000000000000000000000000000000FFFFC0A8010A", Convert.ToHexString(request.AsSpan(0, 24)));
    }

    [Fact]
    public void A_PCP_removal_names_the_mapping_and_no_outside()
    {
        byte[] request = new byte[GatewayCodec.MaxRequest];
        PcpCodec.Instance.WriteMap(request, Entry(Transports.Tcp), 0);
        Assert.Equal("00000000", Convert.ToHexString(request.AsSpan(4, 4)));
        Assert.Equal("06000000" + "22C4" + "0000", Convert.ToHexString(request.AsSpan(36, 8)));
    }

    [Fact]
    public void An_IPv6_pinhole_is_asked_for_with_the_hosts_own_address()
    {
        byte[] request = new byte[GatewayCodec.MaxRequest];
        var local = TransportAddress.Parse("[2001:db8::5]:8900");
        PcpCodec.Instance.WriteMap(request, new MappingEntry(local, Transports.Udp, s_nonce), 3600);
        Assert.Equal("20010DB8000000000000000000000005", Convert.ToHexString(request.AsSpan(8, 16)));
        Assert.All(request.AsSpan(44, 16).ToArray(), static value => Assert.Equal(0, value));
    }

    [Fact]
    public void A_PCP_answer_is_read()
    {
        Assert.True(PcpCodec.Instance.TryRead(s_pcpMap, out var reply));
        Assert.Equal(
            new GatewayReply(GatewayReplyKind.Map, 0, 100)
            {
                Transport = Transports.Udp,
                InternalPort = 8900,
                External = TransportAddress.Parse("203.0.113.1:50000"),
                Lifetime = 3600,
                Nonce = s_nonce,
            },
            reply);
    }

    [Theory]
    [InlineData(1)] // version 1
    [InlineData(3)]
    public void Another_version_is_refused_only_by_saying_so(byte version)
    {
        byte[] answer = [.. s_pcpMap];
        answer[0] = version;
        Assert.False(PcpCodec.Instance.TryRead(answer, out _));
        answer[3] = 1;
        Assert.Equal(version > 2, PcpCodec.Instance.TryRead(answer, out var reply) && reply.Kind == GatewayReplyKind.WrongVersion);
    }

    [Fact]
    public void Each_protocol_knows_whose_refusal_of_a_version_it_is()
    {
        byte[] byNatPmp = Convert.FromHexString("0080000100000064"), byPcp = Convert.FromHexString("02800001000000000000006400000000" + "0000000000000000");
        Assert.True(PcpCodec.Instance.TryRead(byNatPmp, out var reply) && reply.Kind == GatewayReplyKind.WrongVersion);
        Assert.False(NatPmpCodec.Instance.TryRead(byNatPmp, out _));
        Assert.True(NatPmpCodec.Instance.TryRead(byPcp, out reply) && reply.Kind == GatewayReplyKind.WrongVersion);
        Assert.False(PcpCodec.Instance.TryRead(byPcp, out _));
    }

    [Fact]
    public void Who_knows_MAP_but_not_ANNOUNCE_speaks_PCP()
    {
        byte[] answer = Convert.FromHexString("028000040000000000000064" + "000000000000000000000000");
        Assert.True(PcpCodec.Instance.TryRead(answer, out var reply));
        Assert.Equal(new GatewayReply(GatewayReplyKind.Probe, 0, 100), reply);
    }

    [Fact]
    public void A_NAT_PMP_request_is_as_the_RFC_draws_it()
    {
        byte[] request = new byte[GatewayCodec.MaxRequest];
        Assert.Equal(2, NatPmpCodec.Instance.WriteProbe(request, s_local));
        Assert.Equal("0000", Convert.ToHexString(request.AsSpan(0, 2)));
        Assert.Equal(12, NatPmpCodec.Instance.WriteMap(request, Entry(Transports.Tcp), 3600));
        Assert.Equal("00020000" + "22C422C4" + "00000E10", Convert.ToHexString(request.AsSpan(0, 12)));
        NatPmpCodec.Instance.WriteMap(request, Entry(), 0);
        Assert.Equal("00010000" + "22C40000" + "00000000", Convert.ToHexString(request.AsSpan(0, 12)));
    }

    [Fact]
    public void NAT_PMP_answers_are_read()
    {
        Assert.True(NatPmpCodec.Instance.TryRead(Convert.FromHexString("0080000000000064CB007101"), out var address));
        Assert.Equal(TransportAddress.Parse("203.0.113.1:0"), address.External);
        Assert.True(NatPmpCodec.Instance.TryRead(s_pmpMap, out var map));
        Assert.Equal((8900, 50000, 3600u, 100u), (map.InternalPort, map.External.Port, map.Lifetime, map.Epoch));
        Assert.True(NatPmpCodec.Instance.TryRead(Convert.FromHexString("0082000200000064"), out var refusal));
        Assert.Equal((2, Transports.Tcp), (refusal.Result, refusal.Transport));
    }

    [Fact]
    public void What_is_cut_short_is_no_answer()
    {
        for (int length = 0; length < s_pcpMap.Length; length++) Assert.False(PcpCodec.Instance.TryRead(s_pcpMap.AsSpan(0, length), out _), $"{length}");
        for (int length = 0; length < s_pmpMap.Length; length++) Assert.False(NatPmpCodec.Instance.TryRead(s_pmpMap.AsSpan(0, length), out _), $"{length}");
    }

    [Theory]
    [InlineData(1_100, true)]
    [InlineData(1_104, false)]
    [InlineData(62, false)]
    public void A_PCP_answer_has_a_longest_length_and_whole_words(int length, bool isRead) =>
        Assert.Equal(isRead, PcpCodec.Instance.TryRead([.. s_pcpMap, .. new byte[length - s_pcpMap.Length]], out _));

    [Fact]
    public void Any_bytes_are_read_without_an_exception() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), static bytes =>
    {
        foreach (byte[] answer in new[] { s_pcpMap, s_pmpMap, [] })
        {
            byte[] changed = [.. answer];
            for (int i = 0; i + 1 < bytes.Length && changed.Length > 0; i += 2) changed[bytes[i] % changed.Length] = bytes[i + 1];
            foreach (byte[] datagram in new[] { changed, [.. changed, .. bytes] })
            {
                foreach (var codec in new GatewayCodec[] { PcpCodec.Instance, NatPmpCodec.Instance })
                {
                    if (codec.TryRead(datagram, out var reply)) Assert.NotEmpty(codec.Explain(reply.Result));
                }
            }
        }

        return true;
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    [Theory]
    [InlineData(1_000, 1_060, 60, false)]
    [InlineData(1_000, 999, 0, false)] // section 8.5: off by one is allowed
    [InlineData(1_000, 998, 0, true)]
    [InlineData(1_000, 5, 60, true)] // a restart
    [InlineData(0, 20, 60, true)] // a restart in between, of one that had just begun
    [InlineData(1_000, 2_020, 960, false)] // a sixteenth faster
    [InlineData(1_000, 2_040, 960, true)]
    [InlineData(1_000, 1_898, 960, false)] // a sixteenth slower
    [InlineData(1_000, 1_897, 960, true)]
    public void PCP_tells_a_restart_by_the_epoch(uint before, uint now, int seconds, bool isLost) =>
        Assert.Equal(isLost, PcpCodec.Instance.IsStateLost(before, now, TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(1_000, 1_060, 60, false)]
    [InlineData(1_000, 1_838, 960, false)] // an eighth slower, and two seconds
    [InlineData(1_000, 1_837, 960, true)]
    [InlineData(1_000, 9_000, 60, false)] // faster is no restart
    public void NAT_PMP_tells_a_restart_by_the_epoch(uint before, uint now, int seconds, bool isLost) =>
        Assert.Equal(isLost, NatPmpCodec.Instance.IsStateLost(before, now, TimeSpan.FromSeconds(seconds)));

    private static MappingEntry Entry(Transports transport = Transports.Udp) => new(s_local, transport, s_nonce);
}
