using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Porthole.Protocol.Tests;

public sealed class RootTypeTests
{
    private enum Reason { First, Second, Third }

    [Fact]
    public void The_earliest_alarm_is_taken_first_and_only_when_due()
    {
        var deadlines = new Deadlines<Reason> { [Reason.First] = new Instant(20), [Reason.Third] = new Instant(10) };

        Assert.Equal(new Instant(10), deadlines.Next);
        Assert.False(deadlines.TryTakeDue(new Instant(9), out _));
        Assert.True(deadlines.TryTakeDue(new Instant(20), out var reason));
        Assert.Equal(Reason.Third, reason);
        Assert.True(deadlines.TryTakeDue(new Instant(20), out reason));
        Assert.Equal(Reason.First, reason);
        Assert.Null(deadlines.Next);
        Assert.False(deadlines.TryTakeDue(Instant.Never, out _));
    }

    [Theory]
    [InlineData("203.0.113.7:5000")]
    [InlineData("[2001:db8::1]:5000")]
    [InlineData("[fe80::1%3]:5000")]
    public void An_address_keeps_its_text(string text) => Assert.Equal(text, TransportAddress.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("203.0.113.7")]
    [InlineData("::1")]
    [InlineData("[::1]")]
    [InlineData("host:80")]
    [InlineData("1.2.3.4:65536")]
    public void What_is_no_address_with_a_port_is_refused(string text) => Assert.False(TransportAddress.TryParse(text, out _));

    [Fact]
    public void A_mapped_address_is_the_IPv4_address() =>
        Assert.Equal(TransportAddress.Parse("1.2.3.4:5"), TransportAddress.From(IPAddress.Parse("::ffff:1.2.3.4"), 5));

    [Theory]
    [InlineData("10.1.2.3:1", true)]
    [InlineData("172.16.0.1:1", true)]
    [InlineData("172.31.255.255:1", true)]
    [InlineData("172.32.0.0:1", false)]
    [InlineData("192.168.4.4:1", true)]
    [InlineData("100.64.0.1:1", true)]
    [InlineData("100.128.0.1:1", false)]
    [InlineData("192.0.0.4:1", true)]
    [InlineData("8.8.8.8:1", false)]
    [InlineData("[fd00::1]:1", true)]
    [InlineData("[2001:db8::1]:1", false)]
    public void Private_networks_are_known(string text, bool isPrivate) => Assert.Equal(isPrivate, TransportAddress.Parse(text).IsPrivate);

    [Fact]
    public void A_peer_id_survives_its_text() => Prop.ForAll(
        Gen.ArrayOf(ArbMap.Default.GeneratorFor<byte>(), PeerId.Size).ToArbitrary(),
        bytes =>
        {
            var id = new PeerId(bytes);
            return id.ToString().Length == PeerId.TextLength
                && PeerId.TryParse(id.ToString(), out var same) && same == id
                && PeerId.TryParse(id.ToString().ToUpperInvariant(), out same) && same == id;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Two_texts_are_never_one_peer_id()
    {
        string text = new PeerId(new byte[PeerId.Size]).ToString();
        Assert.True(PeerId.TryParse(text, out _));
        Assert.False(PeerId.TryParse(text[..^1] + "b", out _)); // spare bits set
        Assert.False(PeerId.TryParse(text[..^1], out _));
        Assert.False(PeerId.TryParse(text[..^1] + "1", out _));
    }

    [Fact]
    public void A_batch_ends_with_its_first_short_segment()
    {
        var writer = new DatagramBatchWriter(new byte[4_000]);
        writer.Begin(new SocketId(1), default);
        Assert.True(writer.TryReserve(1_000, out _));
        writer.Commit(1_000);
        Assert.False(writer.TryReserve(1_001, out _));
        Assert.True(writer.TryReserve(1_000, out _));
        writer.Commit(400);
        Assert.False(writer.TryReserve(400, out _));
        Assert.Equal(400, writer.Segment(1).Length);
        Assert.Equal(1_400, writer.Length);
    }
}
