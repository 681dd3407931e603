using System.Text;
using System.Xml;
using System.Xml.Linq;
using Porthole.Cli.Trace;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.NetworkTests.Cli.Trace;

/// <summary>The chart and the capture as others read them.</summary>
public sealed class TraceFileTests
{
    [Fact]
    public void A_chart_is_well_formed_and_has_a_row_for_each_step()
    {
        var chart = Read(new TraceBuilder().Request(1, isCheck: true).Checked().Answer(1).Request(2, isCheck: true).Checked());
        var steps = Steps(chart);
        Assert.Equal(["step check", "step answer", "step check lost"], steps.Select(static one => (string)one.Attribute("class")!));
        Assert.Equal(5, chart.Descendants("g").Count(static one => (string)one.Attribute("class")! == "head"));
        Assert.Equal("0.0 ms", steps[0].Elements("text").First().Value);
    }

    [Fact]
    public void What_came_from_outside_is_text_and_nothing_else()
    {
        const string Hostile = "</text><script>alert('&')</script>\"\u0001\uFFFF\u202E";
        var chart = Read(new TraceBuilder().Told(new PeerEvent.Closed(new ConnectionHandle(1), PeerError.ClosedByPeer, 0, Hostile)));
        Assert.Empty(chart.Descendants("script"));
        Assert.Contains("<script>alert('&')</script>", Assert.Single(Steps(chart)).Elements("text").Last().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chart_needs_no_network_and_no_script()
    {
        string text = Write(new TraceBuilder().Request(1, isCheck: false));
        Assert.DoesNotContain("http", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<script", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", text, StringComparison.OrdinalIgnoreCase);
        Assert.StartsWith("<!DOCTYPE html", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_capture_holds_every_datagram_with_right_headers()
    {
        var six = (Local: TransportAddress.Parse("[2001:db8::1]:8900"), Remote: TransportAddress.Parse("[2001:db8::2]:4001"));
        var builder = new TraceBuilder().Request(1, isCheck: true, hopLimit: 3).Answer(1).Packet(isSent: true, six.Remote, new byte[21], local: six.Local).Main(default, isSent: true);
        var packets = Capture(builder);
        Assert.Equal([(TraceBuilder.Local, TraceBuilder.Peer, 3), (TraceBuilder.Peer, TraceBuilder.Local, 64), (six.Local, six.Remote, 64)], packets.Select(static one => (one.From, one.To, one.HopLimit)));
        Assert.Equal(builder.Record.Entries.OfType<TraceEntry.Packet>().Select(static one => Convert.ToHexString(one.Bytes)), packets.Select(static one => Convert.ToHexString(one.Payload)));
        Assert.Equal([0, 1_000, 2_000], packets.Select(static one => (long)(one.Microseconds - 1_700_000_000_000_000)));
        Assert.Equal([2, 1, 2], packets.Select(static one => one.Direction));
        Assert.Contains("opener with hop limit 3", Assert.Single(packets[0].Comments), StringComparison.Ordinal);
    }

    [Fact]
    public void What_happens_between_packets_is_told_with_the_next()
    {
        var packets = Capture(new TraceBuilder().Told(new PeerEvent.ServerLost(PeerError.Lost, "gone", true)).Request(1, isCheck: true).Request(2, isCheck: true));
        Assert.Equal([2, 1], packets.Select(static one => one.Comments.Count));
        Assert.Equal("the server is lost: gone", packets[0].Comments[0]);
    }

    private static string Write(TraceBuilder builder)
    {
        using var output = new MemoryStream();
        TraceChart.Write(output, builder.Story);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static XDocument Read(TraceBuilder builder)
    {
        using var reader = XmlReader.Create(new StringReader(Write(builder)), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }

    private static XElement[] Steps(XDocument chart) => [.. chart.Descendants("g").Where(static one => ((string)one.Attribute("class")!).StartsWith("step", StringComparison.Ordinal))];

    private static List<CapturedPacket> Capture(TraceBuilder builder)
    {
        using var output = new MemoryStream();
        PcapngWriter.Write(output, builder.Story);
        return CapturedPacket.ReadAll(output.ToArray());
    }
}
