using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Ice;

public sealed class CandidateTests
{
    [Fact]
    public void Priorities_are_the_RFCs()
    {
        // RFC 8839 section 4.6 prints these for a host and a server-reflexive candidate.
        Assert.Equal(2_130_706_431u, CandidatePriority.Compute(CandidateType.Host, 65_535));
        Assert.Equal(1_694_498_815u, CandidatePriority.Compute(CandidateType.ServerReflexive, 65_535));
        Assert.Equal(1_862_270_975u, CandidatePriority.Compute(CandidateType.PeerReflexive, 65_535));
        Assert.Equal(16_777_215u, CandidatePriority.Compute(CandidateType.Relayed, 65_535));
        Assert.Equal(CandidatePriority.Compute(CandidateType.PeerReflexive, 77), CandidatePriority.AsPeerReflexive(CandidatePriority.Compute(CandidateType.Host, 77)));
        Assert.Equal((3UL << 32) + 10 + 1, CandidatePriority.ComputePair(5, 3));
        Assert.Equal((3UL << 32) + 10, CandidatePriority.ComputePair(3, 5));
    }

    [Fact]
    public void Foundations_are_equal_for_one_kind_and_differ_otherwise()
    {
        var local = TransportAddress.Parse("10.0.0.1:1");
        var server = TransportAddress.Parse("198.51.100.1:3478");
        var seen = TransportAddress.Parse("203.0.113.9:9");
        var one = Candidate.ServerReflexive(new SocketId(1), seen, local, server);
        Assert.Equal(one.Foundation, Candidate.ServerReflexive(new SocketId(2), seen.WithPort(8), local.WithPort(2), server.WithPort(3479)).Foundation);
        Assert.NotEqual(one.Foundation, Candidate.ServerReflexive(new SocketId(1), seen, local, seen).Foundation);
        Assert.NotEqual(one.Foundation, Candidate.Host(new SocketId(1), local).Foundation);
        Assert.NotEqual(Candidate.Host(new SocketId(1), local).Foundation, Candidate.Host(new SocketId(1), TransportAddress.Parse("10.0.0.2:1")).Foundation);
    }

    [Theory]
    [InlineData("candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host")]
    [InlineData("2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998")]
    [InlineData("Hf2 1 udp 2130706431 2001:db8::3 9999 typ host generation 0 ufrag abcd")]
    [InlineData("1 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active")] // RFC 6544 section 4.5
    [InlineData("3 1 tcp 1688207359 192.0.2.3 9999 typ srflx raddr 10.0.1.1 rport 8998 tcptype so")]
    [InlineData("2 1 tcp 2124414975 10.0.1.1 8998 typ host generation 0 tcptype passive network-id 1")]
    public void Candidates_of_other_software_are_read(string text)
    {
        Assert.True(CandidateText.TryParse(text, out var candidate));
        Assert.Contains(candidate.Address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture), text, StringComparison.Ordinal);
        Assert.True(CandidateText.TryParse(CandidateText.Format(candidate), out var again));
        Assert.Equal(candidate, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1 1 udp 5 203.0.113.1 8998")]
    [InlineData("1 1 udp 5 203.0.113.1 8998 typ")]
    [InlineData("1 1 udp 5 203.0.113.1 8998 typ hosts")]
    [InlineData("1 2 udp 5 203.0.113.1 8998 typ host")]
    [InlineData("1 1 tcp 5 203.0.113.1 8998 typ host")]
    [InlineData("1 1 tcp 5 203.0.113.1 8998 typ host tcptype")]
    [InlineData("1 1 tcp 5 203.0.113.1 8998 typ host tcptype both")]
    [InlineData("1 1 udp 0 203.0.113.1 8998 typ host")]
    [InlineData("1 1 udp 4294967295 203.0.113.1 8998 typ host")]
    [InlineData("1 1 udp -5 203.0.113.1 8998 typ host")]
    [InlineData("1 1 udp 5 203.0.113.1 65536 typ host")]
    [InlineData("1 1 udp 5 5b51b9a5-0fd9.local 8998 typ host")]
    [InlineData("1 1 udp 5 1 8998 typ host")]
    [InlineData("1 1 udp 5 203.0.113.1 8998 typ host raddr 1.2.3.4")]
    [InlineData("! 1 udp 5 203.0.113.1 8998 typ host")]
    [InlineData("123456789012345678901234567890123 1 udp 5 203.0.113.1 8998 typ host")]
    public void What_is_no_candidate_of_ours_is_refused(string text) => Assert.False(CandidateText.TryParse(text, out _));

    [Fact]
    public void No_text_makes_the_reader_throw()
    {
        const string Sample = "candidate:2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998";
        for (int i = 0; i <= Sample.Length; i++) _ = CandidateText.TryParse(Sample[..i], out _);
        Prop.ForAll<string>(text =>
        {
            _ = CandidateText.TryParse(text, out _);
            return true;
        }).QuickCheckThrowOnFailure();
        Prop.ForAll<int, char>((at, with) =>
        {
            char[] text = Sample.ToCharArray();
            text[(int)((uint)at % text.Length)] = with;
            return !CandidateText.TryParse(new string(text), out var candidate) || CandidateText.TryParse(CandidateText.Format(candidate), out _);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Drawn_credentials_are_long_enough_differ_and_keep_their_secret()
    {
        var entropy = new TestEntropy(1);
        var one = IceCredentials.Create(entropy);
        var other = IceCredentials.Create(entropy);
        Assert.NotEqual(one, other);
        Assert.True(IceCredentials.AreValid(one.UsernameFragment, one.Password));
        Assert.DoesNotContain(one.Password, one.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, 22, false)]
    [InlineData(4, 22, true)]
    [InlineData(4, 21, false)]
    [InlineData(256, 256, true)]
    [InlineData(257, 256, false)]
    [InlineData(256, 257, false)]
    public void Credentials_keep_the_lengths_of_the_RFC(int fragment, int password, bool valid)
    {
        Assert.Equal(valid, IceCredentials.AreValid(new string('a', fragment), new string('b', password)));
        Assert.False(IceCredentials.AreValid(new string(':', fragment), new string('b', password)));
        Assert.False(IceCredentials.AreValid(null, new string('b', password)));
        if (!valid) Assert.Throws<ArgumentException>(() => new IceCredentials(new string('a', fragment), new string('b', password)));
    }

    [Fact]
    public void The_longest_credentials_fit_into_a_check()
    {
        var lab = new IceLab();
        var longest = new IceCredentials(new string('a', 256), new string('b', 256));
        var agent = new IceAgent(IceLab.Peers, IceRole.Controlling, longest, lab.Entropy);
        agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(1), IceLab.A));
        agent.SetRemoteCredentials(lab.Now, new IceCredentials(new string('c', 256), new string('d', 256)));
        agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        agent.Start(lab.Now);
        var writer = new DatagramBatchWriter(new byte[2_000]);
        Assert.True(agent.TryWrite(lab.Now, ref writer));
        Assert.InRange(writer.Length, 500, 700);
    }
}
