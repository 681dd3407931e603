using Porthole.Cli.Transfer;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Transfer;

/// <summary>What a person reads of a transfer.</summary>
public sealed class ProgressTests
{
    [Theory]
    [InlineData(-5, "0 B")]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_000, "1.00 kB")]
    [InlineData(9_994, "9.99 kB")]
    [InlineData(9_996, "10.0 kB")]
    [InlineData(99_940, "99.9 kB")]
    [InlineData(99_960, "100 kB")]
    [InlineData(999_400, "999 kB")]
    [InlineData(999_600, "1.00 MB")]
    [InlineData(1_000_000_000, "1.00 GB")]
    [InlineData(long.MaxValue, "9.22 EB")]
    public void Bytes_have_three_digits(long bytes, string text) => Assert.Equal(text, Amounts.Bytes(bytes));

    [Theory]
    [InlineData(0, 0, "100 %")]
    [InlineData(0, 10, "0 %")]
    [InlineData(999, 1_000, "99 %")]
    [InlineData(1_000, 1_000, "100 %")]
    [InlineData(long.MaxValue - 1, long.MaxValue, "100 %")]
    public void Nothing_is_done_before_it_is_done(long bytes, long total, string text) => Assert.Equal(text, Amounts.Percent(bytes, total));

    [Theory]
    [InlineData(-1, "0 s")]
    [InlineData(59.4, "59 s")]
    [InlineData(59.6, "1 min 00 s")]
    [InlineData(125, "2 min 05 s")]
    [InlineData(3_600, "1 h 00 min")]
    [InlineData(12_000, "3 h 20 min")]
    [InlineData(1e9, "more than 4 days")]
    public void Spans_are_rough(double seconds, string text) => Assert.Equal(text, Amounts.Span(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void A_steady_rate_is_shown_from_the_first_sample_on()
    {
        var meter = new TransferMeter();
        meter.Begin(TimeSpan.Zero, 300, 10_300);
        Assert.Null(meter.Rate);
        Assert.Null(meter.Left);
        for (int tenth = 1; tenth <= 50; tenth++)
        {
            meter.Report(TimeSpan.FromMilliseconds(100 * tenth), 300 + 100 * tenth);
            Assert.Equal(1_000, meter.Rate!.Value, 6);
            Assert.Equal(10 - tenth / 10.0, meter.Left!.Value.TotalSeconds, 6);
        }
    }

    [Fact]
    public void A_rate_that_changes_shows_for_the_most_part_after_the_smoothing()
    {
        var meter = new TransferMeter();
        meter.Begin(TimeSpan.Zero, 0, long.MaxValue);
        var now = TimeSpan.Zero;
        long bytes = 0;
        for (int i = 0; i < 300; i++) meter.Report(now += TransferMeter.Grain, bytes += 100);
        for (var until = now + TransferMeter.Smoothing; now < until;) meter.Report(now += TransferMeter.Grain, bytes += 1_000);
        Assert.InRange(meter.Rate!.Value, 6_500, 7_000); // 1 - 1/e of the way from 1,000 to 10,000
    }

    [Fact]
    public void Samples_within_the_grain_are_taken_together()
    {
        var meter = new TransferMeter();
        meter.Begin(TimeSpan.Zero, 0, 1_000);
        meter.Report(TransferMeter.Grain - TimeSpan.FromTicks(1), 500);
        Assert.Null(meter.Rate);
        Assert.Equal(500, meter.Bytes);
        meter.Report(TransferMeter.Grain, 500);
        Assert.Equal(5_000, meter.Rate!.Value, 6);
    }

    [Fact]
    public void What_stands_still_has_no_time_left()
    {
        var meter = new TransferMeter();
        meter.Begin(TimeSpan.Zero, 0, 1_000);
        meter.Report(TimeSpan.FromSeconds(1), 0);
        Assert.Equal(0, meter.Rate);
        Assert.Null(meter.Left);
        meter.Report(TimeSpan.FromSeconds(2), -10); // a peer that takes back what it said it had
        Assert.Equal(0, meter.Rate);
    }

    [Fact]
    public void The_line_says_it_all_where_there_is_room()
    {
        var meter = new TransferMeter();
        meter.Begin(TimeSpan.Zero, 0, 1_000_000_000);
        meter.Report(TimeSpan.FromSeconds(4), 320_000_000);
        Assert.Equal("film.mkv  32 %  320 MB of 1.00 GB  80.0 MB/s  8 s left  direct UDP", ProgressLine.Write("film.mkv", meter, PathKind.Udp, 120));
        Assert.Contains("relayed", ProgressLine.Write("film.mkv", meter, PathKind.Relay, 120), StringComparison.Ordinal);
    }

    [Fact]
    public void The_line_is_never_wider_than_the_terminal()
    {
        var meter = new TransferMeter();
        meter.Begin(TimeSpan.Zero, 0, 1_000_000_000);
        meter.Report(TimeSpan.FromSeconds(4), 320_000_000);
        for (int width = 0; width < 140; width++) Assert.InRange(ProgressLine.Write(new string('x', 200), meter, PathKind.Tcp, width).Length, 0, width);
    }

    [Fact]
    public void A_name_loses_its_middle()
    {
        Assert.Equal("holiday.mkv", ProgressLine.Shorten("holiday.mkv", 11));
        Assert.Equal("holi….mkv", ProgressLine.Shorten("holiday.mkv", 9));
        Assert.Equal("a and 2 more", ProgressLine.NameOf(["a", "b", "c"]));
        Assert.Equal("\uFFFD[2Jx", ProgressLine.NameOf(["\e[2Jx"])); // a sender names its files as it likes
    }
}
