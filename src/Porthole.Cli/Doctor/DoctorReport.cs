using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Porthole.Cli.Check;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Doctor;

/// <summary>Says what an attempt is planned to be, what happens, and what came of it: for people as it happens, or as JSON.</summary>
internal sealed class DoctorReport(DoctorSettings settings, Transports transports)
{
    private const int NameWidth = 13;
    private const int MethodWidth = 32;

    private readonly PeerEventLog _log = new();
    private long _began;
    private bool _hasPlan;
    private NatFacts? _here;
    private PathVerdict? _last;

    /// <summary>Takes an event of the peer.</summary>
    public void Observe(PeerEvent happened) => _log.Observe(happened);

    /// <summary>The peer is registered.</summary>
    public void Registered(PeerNode node) => _log.Post(() =>
    {
        if (settings.Json) PeerJson.WriteRegistered(node);
        else Say("registered", $"as {node.Name ?? "(no name)"} at {node.Options.Server.Uri.Authority}");
    });

    /// <summary>The connect call is made now: times count from here.</summary>
    /// <param name="nat">What is known of the NATs of this side.</param>
    public void Call(NatReport nat)
    {
        var here = Forecast.FactsOf(nat);
        _log.Post(() => WriteFacts("here", "this side", here));
        _began = Stopwatch.GetTimestamp();
        _log.Handle(Handle);
    }

    /// <summary>The attempt is over.</summary>
    /// <param name="state">The connection at the end.</param>
    /// <param name="isSettled">Whether the path is what it will be; else the time was up.</param>
    public Task EndAsync(ConnectionReport state, bool isSettled)
    {
        _log.Post(() => WriteEnd(state, isSettled));
        return _log.CompleteAsync();
    }

    /// <summary>Writes what is still to be written.</summary>
    public Task CompleteAsync() => _log.CompleteAsync();

    private void Handle(PeerEvent happened, long at)
    {
        var elapsed = Stopwatch.GetElapsedTime(_began, at);
        switch (happened)
        {
            case PeerEvent.Ringing:
                Write("ringing", elapsed, $"{settings.Target} is being asked whether it takes the call");
                break;
            case PeerEvent.Opened:
                Write("session", elapsed, $"{settings.Target} has proved its key; the relay carries the session until there is a direct path");
                break;
            case PeerEvent.VerdictChanged { Verdict: var verdict }:
                WritePlan(verdict.Here, verdict.There);
                if (verdict.Reason == VerdictReason.Direct || !verdict.IsNewsAfter(_last)) break;
                _last = verdict;
                if (settings.Json) PeerJson.WriteVerdict(verdict);
                else Say(Words.Span(elapsed), $"so far: {verdict.Sentence}");
                break;
            case PeerEvent.MethodTried { Attempt: var attempt }:
                WriteAttempt(attempt, elapsed);
                break;
            case PeerEvent.PathChanged { Path: var path }:
                if (settings.Json) PeerJson.WritePath(path, elapsed, null);
                else Say(Words.Span(elapsed), $"on this path now: {path.InWords}");
                break;
        }
    }

    /// <summary>Both sides' facts are known with the first verdict; the plan follows from them.</summary>
    private void WritePlan(NatFacts here, NatFacts there)
    {
        if (_hasPlan || there == NatFacts.Unknown) return;
        _hasPlan = true;
        if (here != _here) WriteFacts("here", "this side", here);
        WriteFacts("there", "other side", there);
        var plan = Forecast.Plan(here, there, transports);
        if (settings.Json)
        {
            JsonLines.Write("plan", writer => WritePlanFields(writer, plan));
            return;
        }

        Say("plan", "method".PadRight(MethodWidth) + "chance, and cost at most");
        foreach (var planned in plan)
        {
            string cost = planned.Method == PunchMethod.Relay ? "always there" : string.Create(
                CultureInfo.InvariantCulture, $"{Math.Min(99, planned.ExpectedSuccess * 100),2:0} %, {Cost(planned.Packets, planned.Sockets)}, {planned.Time.TotalSeconds:0.#} s");
            Say("", planned.Method.InWords.PadRight(MethodWidth) + cost);
        }
    }

    private static void WritePlanFields(Utf8JsonWriter writer, ImmutableArray<PlannedMethod> plan)
    {
        writer.WriteNumber("expectedSuccess", Math.Round(Forecast.Chance(plan), 3));
        writer.WriteStartArray("methods");
        foreach (var planned in plan)
        {
            writer.WriteStartObject();
            writer.WriteString("method", planned.Method.Code);
            writer.WriteNumber("expectedSuccess", Math.Round(planned.ExpectedSuccess, 3));
            writer.WriteNumber("packets", planned.Packets);
            writer.WriteNumber("sockets", planned.Sockets);
            writer.WriteMilliseconds("timeMs", planned.Time);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private void WriteAttempt(MethodAttempt attempt, TimeSpan elapsed)
    {
        if (settings.Json)
        {
            JsonLines.Write("tried", writer =>
            {
                VerdictJson.WriteFields(writer, attempt);
                writer.WriteMilliseconds("elapsedMs", elapsed);
            });
            return;
        }

        string cost = attempt.Outcome == AttemptOutcome.Running ? "" : $" after {CostOf(attempt)}{(attempt.Detail.Length > 0 ? $" ({attempt.Detail})" : "")}";
        Say(Words.Span(elapsed), $"{attempt.Method.InWords}: {attempt.Outcome.InWords}{cost}");
    }

    private void WriteFacts(string side, string name, NatFacts facts)
    {
        if (side == "here") _here = facts;
        if (!settings.Json) Say(name, facts.InWords);
        else JsonLines.Write("facts", writer =>
        {
            writer.WriteString("side", side);
            VerdictJson.WriteFields(writer, facts);
        });
    }

    private void WriteEnd(ConnectionReport state, bool isSettled)
    {
        if (settings.Json)
        {
            PeerJson.WriteVerdict(state.Verdict);
            JsonLines.Write("done", writer =>
            {
                writer.WriteBoolean("direct", state.Path.IsDirect);
                writer.WriteBoolean("settled", isSettled);
            });
            return;
        }

        string name = "tried";
        foreach (var attempt in state.Verdict.Tried)
        {
            string outcome = attempt.Outcome == AttemptOutcome.Running ? "under way" : attempt.Outcome.InWords;
            Say(name, attempt.Method.InWords.PadRight(MethodWidth) + $"{outcome}: {CostOf(attempt)}");
            name = "";
        }

        Say("verdict", state.Verdict.Sentence);
        if (state.Verdict.Gateway.Length > 0) Say("gateway", state.Verdict.Gateway);
        if (state.Verdict.Advice.Length > 0) Say("advice", state.Verdict.Advice);
        if (!isSettled) Say("note", string.Create(CultureInfo.InvariantCulture, $"not decided after {settings.Timeout.TotalSeconds:0.#} s: give it more with --timeout"));
    }

    private void Write(string name, TimeSpan elapsed, string text)
    {
        if (settings.Json) JsonLines.Write(name, writer => writer.WriteMilliseconds("elapsedMs", elapsed));
        else Say(Words.Span(elapsed), text);
    }

    private static string CostOf(MethodAttempt attempt) => $"{Cost(attempt.Packets, attempt.Sockets)}, {Words.Span(attempt.Duration)}";

    private static string Cost(int packets, int sockets) => string.Create(CultureInfo.InvariantCulture, $"{packets} packets{(sockets > 0 ? string.Create(CultureInfo.InvariantCulture, $", {sockets} sockets") : "")}");

    private static void Say(string name, string text)
    {
        foreach (string line in NatPicture.Wrap(Words.Safe(text), name.PadRight(NameWidth), new string(' ', NameWidth))) Console.WriteLine(line);
    }
}
