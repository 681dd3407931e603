using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>What a punch knew, planned and tried: the data of its verdict.</summary>
/// <param name="here">What this side knew of its NAT when the punch began.</param>
/// <param name="there">What the other side said of its own.</param>
/// <param name="plan">The methods, in order.</param>
internal sealed class PunchRecord(NatFacts here, NatFacts there, ImmutableArray<PlannedMethod> plan)
{
    private readonly List<MethodAttempt> _ended = [];
    private readonly Queue<MethodAttempt> _changes = new();
    private PunchMethod? _running;
    private Instant _since;
    private int _packets;
    private int _sockets;

    public NatFacts Here { get; } = here;

    public NatFacts There { get; } = there;

    public ImmutableArray<PlannedMethod> Plan { get; } = plan;

    /// <summary>The method that found the first pair; null while there is none.</summary>
    public PunchMethod? Winner { get; private set; }

    /// <summary>The method that runs beside the plain checks, or ran last; null when there was none.</summary>
    public PunchMethod? Last => _running ?? (_ended.Count > 0 ? _ended[^1].Method : null);

    /// <summary>What was tried beside plain checks and TCP, in order; the last may be under way.</summary>
    public ImmutableArray<MethodAttempt> Attempts(Instant now) => _running is { } method ? [.. _ended, Describe(now, method, AttemptOutcome.Running, "")] : [.. _ended];

    /// <summary>A method begins.</summary>
    public void Begin(Instant now, PunchMethod method)
    {
        (_running, _since, _packets, _sockets) = (method, now, 0, 0);
        _changes.Enqueue(Describe(now, method, AttemptOutcome.Running, ""));
    }

    /// <summary>A packet was sent for the method that runs.</summary>
    public void CountPacket() => _packets++;

    /// <summary>A socket was opened for the method that runs.</summary>
    public void CountSocket() => _sockets++;

    /// <summary>The method that runs has ended.</summary>
    public void End(Instant now, AttemptOutcome outcome, string detail)
    {
        if (_running is not { } method) return;
        _running = null;
        var ended = Describe(now, method, outcome, detail);
        _ended.Add(ended);
        _changes.Enqueue(ended);
    }

    /// <summary>A method has found the first pair; its turn may be over by then.</summary>
    public void HandleWinner(PunchMethod winner)
    {
        Winner = winner;
        int last = _ended.Count - 1;
        if (_running is not null || last < 0 || _ended[last].Method != winner) return;
        _ended[last] = _ended[last] with { Outcome = AttemptOutcome.Succeeded };
        _changes.Enqueue(_ended[last]);
    }

    /// <summary>Takes the next beginning or end.</summary>
    public bool TryTakeChange([NotNullWhen(true)] out MethodAttempt? attempt) => _changes.TryDequeue(out attempt);

    private MethodAttempt Describe(Instant now, PunchMethod method, AttemptOutcome outcome, string detail) =>
        new(method, _packets, _sockets, now - _since, outcome, detail);
}
