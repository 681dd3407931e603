using Porthole.Cli.Trace;
using Porthole.Diagnostics;
using Porthole.Protocol.Rendezvous;

namespace Porthole.NetworkTests.Cli.Trace;

/// <summary>What packets mean, and which of them were lost.</summary>
public sealed class TraceStoryTests
{
    [Fact]
    public void An_answered_question_came_through_and_another_was_lost_at_nobody_knows_where()
    {
        var steps = StepsOf(new TraceBuilder().Request(1, isCheck: false).Request(2, isCheck: false).Answer(1, remote: TraceBuilder.Server));
        Assert.Equal(
            [(TraceKind.Question, TraceLane.Here, TraceLane.Server, false), (TraceKind.Question, TraceLane.Here, TraceLane.Server, true), (TraceKind.Answer, TraceLane.Server, TraceLane.Here, false)],
            steps.Select(static one => (one.Kind, one.From, one.To, one.IsLost)));
        Assert.Equal("STUN question to 203.0.113.1:3478", steps[0].Text);
        Assert.Equal("STUN answer from 203.0.113.1:3478: seen as 198.51.100.2:4000", steps[2].Text);
    }

    [Fact]
    public void A_check_without_an_answer_ends_at_the_peers_NAT()
    {
        var steps = StepsOf(new TraceBuilder().Request(1, isCheck: true).Checked().Request(1, isCheck: true).Checked().Answer(1).Request(2, isCheck: true).Checked());
        Assert.Equal([TraceLane.NatThere, TraceLane.There, TraceLane.Here, TraceLane.NatThere], steps.Select(static one => one.To));
        Assert.Equal([true, false, false, true], steps.Select(static one => one.IsLost));
        Assert.Equal("check 1 to 198.51.100.2:4000; no answer came: lost (inferred)", steps[0].Text);
        Assert.Equal("check 1 to 198.51.100.2:4000, sent again (2)", steps[1].Text);
        Assert.Equal("answer to check 1, from 198.51.100.2:4000: seen as 198.51.100.2:4000", steps[2].Text);
        Assert.StartsWith("check 2", steps[3].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_both_of_two_equal_requests_are_answered_none_was_lost()
    {
        var steps = StepsOf(new TraceBuilder().Request(1, isCheck: true).Checked().Request(1, isCheck: true).Checked().Answer(1).Answer(1));
        Assert.DoesNotContain(steps, static one => one.IsLost);
    }

    [Fact]
    public void What_the_agent_does_not_call_a_check_is_a_probe_and_a_low_hop_limit_makes_an_opener()
    {
        var steps = StepsOf(new TraceBuilder().Request(1, isCheck: true).Checked().Request(2, isCheck: true).Request(3, isCheck: true, hopLimit: 3));
        Assert.Equal([TraceKind.Check, TraceKind.Probe, TraceKind.Opener], steps.Select(static one => one.Kind));
        Assert.Equal("opener with hop limit 3 from port 8900 to 198.51.100.2:4000; no answer came: lost (inferred)", steps[2].Text);
    }

    [Fact]
    public void The_peers_checks_and_our_answers_go_the_other_way()
    {
        var steps = StepsOf(new TraceBuilder().Request(1, isCheck: true, isSent: false).Answer(1, isSent: true));
        Assert.Equal([(TraceLane.There, TraceLane.Here), (TraceLane.Here, TraceLane.There)], steps.Select(static one => (one.From, one.To)));
        Assert.Equal(["the peer's check 1 from 198.51.100.2:4000", "answer to the peer's check 1, to 198.51.100.2:4000"], steps.Select(static one => one.Text));
    }

    [Fact]
    public void Relayed_packets_go_from_peer_to_peer_and_messages_to_the_server()
    {
        var steps = StepsOf(new TraceBuilder().Main(MainMessageKind.Control, isSent: true).Main(MainMessageKind.Relay, isSent: false));
        Assert.Equal([(TraceLane.Here, TraceLane.Server), (TraceLane.There, TraceLane.Here)], steps.Select(static one => (one.From, one.To)));
        Assert.Equal("control message, 100 bytes, sealed", steps[0].Text);
    }

    [Theory]
    [InlineData(TraceRows.ShownOfRun)]
    [InlineData(TraceRows.ShownOfRun + 1)]
    [InlineData(500)]
    public void A_long_run_is_a_few_rows_that_tell_of_all_steps(int length)
    {
        var builder = new TraceBuilder();
        for (int i = 0; i < length; i++) builder.Request(i, isCheck: true);
        var rows = TraceRows.Of(StepsOf(builder), out int leftOut);
        Assert.Equal(0, leftOut);
        Assert.Equal(Math.Min(length, TraceRows.ShownOfRun + 1), rows.Count);
        Assert.Equal(length, rows.Sum(static row => row.Count));
    }

    [Fact]
    public void There_are_no_more_rows_than_a_browser_takes()
    {
        var builder = new TraceBuilder();
        for (int i = 0; i < TraceRows.MaxRows / 2 + 1; i++) builder.Request(i, isCheck: true).Main(MainMessageKind.Control, isSent: true);
        Assert.Equal(TraceRows.MaxRows, TraceRows.Of(StepsOf(builder), out int leftOut).Count);
        Assert.Equal(2, leftOut);
    }

    [Fact]
    public void A_recorder_keeps_so_much_and_counts_the_rest()
    {
        var recorder = new TraceRecorder(limit: 100);
        for (int i = 0; i < 101; i++) recorder.OnConnection(new TracedConnection(ConnectionStep.Tried, TraceBuilder.Local, TraceBuilder.Peer));
        var record = recorder.Take();
        Assert.Equal((100, 1), (record.Entries.Count, record.Dropped));
        Assert.Equal(record.Entries.OrderBy(static one => one.At), record.Entries);
    }

    [Fact]
    public void A_recorder_keeps_some_relayed_packets_only()
    {
        var recorder = new TraceRecorder();
        for (int i = 0; i <= TraceRecorder.MaxRelayed; i++)
        {
            recorder.OnPacket(new TracedPacket { Carrier = TraceCarrier.Server, IsSent = true, Local = default, Remote = default, MainMessage = MainMessageKind.Relay, Length = 10 });
        }

        var record = recorder.Take();
        Assert.Equal((TraceRecorder.MaxRelayed, 0, 1), (record.Entries.Count, record.Dropped, record.RelayedDropped));
    }

    private static TraceStep[] StepsOf(TraceBuilder builder) => [.. builder.Story.Steps.Select(static one => one.Step).OfType<TraceStep>()];
}
