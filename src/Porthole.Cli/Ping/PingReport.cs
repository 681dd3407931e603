using System.Diagnostics;
using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Ping;

/// <summary>
/// Says what happens during a ping, in one order: first the session, then pair and paths, though they may have come up in the same moment, then the pongs.
/// </summary>
internal sealed class PingReport(PingSettings settings, PeerEventLog log)
{
    private readonly List<TimeSpan> _roundTrips = [];
    private readonly List<Action> _heldBack = [];
    private long _began;
    private bool _hasSession;
    private PathVerdict? _verdict;

    /// <summary>The connect call is made now: times count from here.</summary>
    public void Begin(PeerNode node)
    {
        log.Post(() =>
        {
            if (settings.Json) PeerJson.WriteRegistered(node);
            else Console.WriteLine($"Registered as {node.Name ?? "(no name)"}, {node.Id}.");
        });
        _began = Stopwatch.GetTimestamp();
        log.Handle(Handle);
    }

    public void Pong(int sequence, TimeSpan roundTrip, PathKind kind) => log.Post(() =>
    {
        _roundTrips.Add(roundTrip);
        if (!settings.Json)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"pong {sequence}: {Words.Span(roundTrip)}, {(kind is PathKind.Udp or PathKind.Tcp ? "direct" : "relayed")} ({kind.Code})"));
            return;
        }

        JsonLines.Write("pong", writer =>
        {
            writer.WriteNumber("seq", sequence);
            writer.WriteMilliseconds("rttMs", roundTrip);
            writer.WriteString("kind", kind.Code);
        });
    });

    /// <summary>No direct path came in time; the complaint that follows says why.</summary>
    public void Verdict(PathVerdict verdict) => log.Post(() =>
    {
        if (settings.Json) SayVerdict(verdict);
    });

    /// <summary>Writes the sum; nothing is written after it.</summary>
    public Task EndAsync(int sent)
    {
        log.Post(() =>
        {
            int received = _roundTrips.Count;
            if (settings.Json)
            {
                JsonLines.Write("done", writer =>
                {
                    writer.WriteNumber("sent", sent);
                    writer.WriteNumber("received", received);
                });
                return;
            }

            string times = received == 0 ? "" : $"; {Words.Span(_roundTrips.Min())} at least, {Words.Span(TimeSpan.FromTicks((long)_roundTrips.Average(static one => one.Ticks)))} on average, {Words.Span(_roundTrips.Max())} at most";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sent} sent, {received} received{times}"));
        });
        return log.CompleteAsync();
    }

    private void Handle(PeerEvent happened, long at)
    {
        var elapsed = Stopwatch.GetElapsedTime(_began, at);
        switch (happened)
        {
            case PeerEvent.Confirmed:
                _hasSession = true;
                Say("session", elapsed, $"Session with {settings.Target} after {Words.Span(elapsed)}.");
                foreach (var held in _heldBack) held();
                _heldBack.Clear();
                break;
            case PeerEvent.PairFound pair:
                AfterSession(() => Say("pair", elapsed, $"Checks pass between {pair.Local} and {pair.Remote} after {Words.Span(elapsed)}."));
                break;
            case PeerEvent.PathChanged moved:
                AfterSession(() =>
                {
                    if (settings.Json) PeerJson.WritePath(moved.Path, elapsed, null);
                    else Console.WriteLine($"Path: {moved.Path.InWords}, after {Words.Span(elapsed)}.");
                });
                break;
            case PeerEvent.Ringing:
                if (settings.Json) JsonLines.Write("ringing", writer => writer.WriteMilliseconds("elapsedMs", elapsed));
                else Console.WriteLine($"{settings.Target} is being asked whether it takes the call.");
                break;
            case PeerEvent.VerdictChanged changed:
                AfterSession(() => SayVerdict(changed.Verdict));
                break;
            case PeerEvent.CheckTraced check when settings.Checks:
                if (settings.Json) PeerJson.WriteCheck(check, elapsed);
                else Console.WriteLine($"check {check.Step.Code}: {check.Local} - {check.Remote} after {Words.Span(elapsed)}");
                break;
        }
    }

    private void SayVerdict(PathVerdict verdict)
    {
        if (!verdict.IsNewsAfter(_verdict)) return;
        _verdict = verdict;
        if (settings.Json) PeerJson.WriteVerdict(verdict);
        else if (verdict.Reason != VerdictReason.Direct) Console.WriteLine(verdict.InFull); // the path was told
    }

    private void AfterSession(Action say)
    {
        if (_hasSession) say();
        else _heldBack.Add(say);
    }

    private void Say(string name, TimeSpan elapsed, string text)
    {
        if (settings.Json) JsonLines.Write(name, writer => writer.WriteMilliseconds("elapsedMs", elapsed));
        else Console.WriteLine(text);
    }
}
