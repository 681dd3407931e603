using System.Text;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Forwarding;

namespace Porthole.Protocol.Tests.Forwarding;

public sealed class ForwardMessageTests
{
    [Theory]
    [InlineData("22", null, 22, ForwardKind.Tcp, "22")]
    [InlineData("22/tcp", null, 22, ForwardKind.Tcp, "22")]
    [InlineData("5353/udp", null, 5353, ForwardKind.Udp, "5353/udp")]
    [InlineData("localhost:80", null, 80, ForwardKind.Tcp, "80")]
    [InlineData("127.0.0.1:80", null, 80, ForwardKind.Tcp, "80")]
    [InlineData("DB.lan:5432", "db.lan", 5432, ForwardKind.Tcp, "db.lan:5432")]
    [InlineData("[fd00::1]:53/udp", "fd00::1", 53, ForwardKind.Udp, "[fd00::1]:53/udp")]
    [InlineData("65535", null, 65_535, ForwardKind.Tcp, "65535")]
    public void A_target_is_read_as_people_write_it(string text, string? host, int port, ForwardKind kind, string written)
    {
        Assert.True(ForwardTarget.TryParse(text, out var target));
        Assert.Equal((host, port, kind), (target.Host, target.Port, target.Kind));
        Assert.Equal(written, target.ToString());
        Assert.True(ForwardTarget.TryParse(written, out var again));
        Assert.Equal(target, again);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65536")]
    [InlineData("+1")]
    [InlineData("ssh")]
    [InlineData("22/sctp")]
    [InlineData("22/")]
    [InlineData(":22")]
    [InlineData("a b:22")]
    [InlineData("fd00::1:53")]
    [InlineData("[]:53")]
    [InlineData("db.lan:")]
    [InlineData("bücher.example:80")]
    public void What_is_no_target_is_none(string? text) => Assert.False(ForwardTarget.TryParse(text, out _));

    [Fact]
    public void A_host_is_as_long_as_a_name_may_be_and_no_longer()
    {
        Assert.True(ForwardTarget.TryCreate(ForwardKind.Tcp, new string('a', ForwardTarget.MaxHost), 1, out var longest));
        Assert.False(ForwardTarget.TryCreate(ForwardKind.Tcp, new string('a', ForwardTarget.MaxHost + 1), 1, out _));
        Assert.False(ForwardTarget.TryCreate(ForwardKind.Tcp, new string('a', 65_536), 1, out _));
        byte[] bytes = new ForwardRequest(longest, 0).Write();
        Assert.Equal(ForwardRequest.MaxSize, bytes.Length);
        Assert.True(ForwardRequest.TryRead(bytes, out var read));
        Assert.Equal(longest, read.Target);
        bytes[5]++;
        Assert.Equal(0, ForwardRequest.LengthFrom(bytes));
    }

    [Theory]
    [InlineData("22", 0)]
    [InlineData("db.lan:5432", 0)]
    [InlineData("5353/udp", 1)]
    [InlineData("[fd00::1]:53/udp", 65_535)]
    public void A_request_is_read_as_it_was_written(string target, ushort association)
    {
        Assert.True(ForwardTarget.TryParse(target, out var parsed));
        var request = new ForwardRequest(parsed, association);
        byte[] bytes = request.Write();
        Assert.Equal(bytes.Length, ForwardRequest.LengthFrom(bytes.AsSpan(0, ForwardRequest.HeadSize)));
        Assert.True(ForwardRequest.TryRead(bytes, out var read));
        Assert.Equal(request, read);
    }

    [Fact]
    public void A_request_looks_like_this()
    {
        Assert.True(ForwardTarget.TryParse("db.lan:5432", out var target));
        Assert.Equal("010000153806" + Convert.ToHexString("db.lan"u8), Convert.ToHexString(new ForwardRequest(target, 0).Write()));
        Assert.True(ForwardTarget.TryParse("53/udp", out target));
        Assert.Equal("020102003500", Convert.ToHexString(new ForwardRequest(target, 0x102).Write()));
    }

    [Theory]
    [InlineData("0000000016" + "00")] // of no kind
    [InlineData("0300000016" + "00")]
    [InlineData("0100010016" + "00")] // TCP with an association
    [InlineData("0200000016" + "00")] // UDP without
    [InlineData("0100000000" + "00")] // port 0
    [InlineData("0100000016" + "0141" + "41")] // longer than it says
    [InlineData("0100000016" + "02" + "41")] // shorter
    [InlineData("0100000016" + "0120")] // a blank in a name
    [InlineData("0100000016" + "01FF")]
    public void What_is_no_request_is_none(string hex) => Assert.False(ForwardRequest.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void An_answer_is_read_as_it_was_written_and_a_long_reason_is_cut_between_letters()
    {
        foreach (var status in Enum.GetValues<ForwardStatus>())
        {
            var answer = new ForwardAnswer(status, "Nobody listens on 22.");
            Assert.Equal(answer, ForwardAnswer.Read(answer.Write()));
        }

        byte[] bytes = new ForwardAnswer(ForwardStatus.Refused, new string('ü', 200)).Write();
        Assert.Equal(ForwardAnswer.HeadSize + 254, bytes.Length);
        Assert.Equal(new string('ü', 127), ForwardAnswer.Read(bytes)!.Reason);
        Assert.Null(ForwardAnswer.Read(bytes.AsSpan(1)));
    }

    [Fact]
    public void What_an_opener_sends_is_never_an_answer()
    {
        Assert.True(ForwardTarget.TryParse("22", out var target));
        byte[] sent = [.. StreamPreamble.Write(StreamPreamble.Forwarding), .. new ForwardRequest(target, 0).Write()];
        Assert.Equal(0, ForwardAnswer.LengthFrom(sent));
        foreach (byte first in new byte[] { (byte)ForwardKind.Tcp, (byte)ForwardKind.Udp }) Assert.Equal(0, ForwardAnswer.LengthFrom([first, 0, 0]));
    }

    [Fact]
    public void Whatever_comes_is_read_or_not_and_throws_nothing()
    {
        var random = new Random(1);
        byte[] bytes = new byte[300];
        for (int i = 0; i < 200_000; i++)
        {
            random.NextBytes(bytes);
            if (i % 2 == 0) (bytes[0], bytes[5]) = ((byte)random.Next(3), (byte)random.Next(12));
            int length = random.Next(bytes.Length);
            if (ForwardRequest.TryRead(bytes.AsSpan(0, length), out var request))
            {
                Assert.True(ForwardRequest.TryRead(request.Write(), out var again)); // names in capitals, and the sharer's own, are written another way and mean the same
                Assert.Equal(request, again);
            }

            if (ForwardAnswer.Read(bytes.AsSpan(0, length)) is { } answer) Assert.InRange(answer.Write().Length, 1, ForwardAnswer.MaxSize);
            string text = Encoding.Latin1.GetString(bytes, 0, random.Next(12));
            if (ForwardTarget.TryParse(text, out var target)) Assert.True(ForwardTarget.TryParse(target.ToString(), out _), text);
        }
    }
}
