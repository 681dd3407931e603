using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Punching;

/// <summary>
/// Connects to or from many ports at once, where one side's NAT gives ports that nobody can know. What counts is that the sockets of both sides are there at the
/// same time: they are held, and only made to give way where there are more targets than sockets.
/// </summary>
internal sealed class Spray
{
    /// <summary>Two attempts are never closer than this: nine in a tenth of a second leave as many for the repeats of those before.</summary>
    public static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(11);

    /// <summary>The same where no SYN will be repeated: the hold is short, or the last one was refused.</summary>
    public static readonly TimeSpan ShortPace = Pace / 2;

    /// <summary>
    /// With more targets than sockets each is tried for less than a second, so that the kernel never repeats its SYN: that tries the most of them. What the
    /// other side opens a moment later still gets in, over the filter that the SYN has opened, and is taken by the listener.
    /// </summary>
    public static readonly TimeSpan ShortHold = TimeSpan.FromMilliseconds(900);

    private readonly SprayBudget _budget;
    private readonly TransportAddress _local;
    private readonly Queue<SprayTarget> _waiting = new();
    private readonly Queue<(SprayTarget Target, SocketId Socket)> _held = new();
    private readonly Dictionary<SocketId, SprayTarget> _open = [];
    private readonly TimeSpan _hold;
    private Instant _lastAt;
    private Instant _blockedUntil;
    private bool _any;

    /// <param name="budget">What may be spent; begun by the caller.</param>
    /// <param name="local">The address to connect from; with port 0 every socket has a port of its own.</param>
    /// <param name="targets">Where to connect to, the likeliest first.</param>
    /// <param name="hold">How long one is held if there are no more than sockets.</param>
    public Spray(SprayBudget budget, TransportAddress local, IEnumerable<TransportAddress> targets, TimeSpan hold)
    {
        (_budget, _local) = (budget, local);
        foreach (var target in targets) _waiting.Enqueue(new SprayTarget(target));
        _hold = _waiting.Count > SprayBudget.MaxSockets ? ShortHold : hold;
    }

    /// <summary>Whether a connection came of it.</summary>
    public bool HadConnection { get; private set; }

    /// <summary>When something is to be done next.</summary>
    public Instant NextAt
    {
        get
        {
            var next = _held.TryPeek(out var oldest) ? oldest.Target.OpenedAt + _hold : Instant.Never;
            if (_waiting.TryPeek(out var target)) next = Instant.Min(next, AllowedAt(target));
            return next;
        }
    }

    /// <summary>Takes a socket that was held for long enough, to be closed; its target is tried again later.</summary>
    public bool TryTakeExpired(Instant now, out SocketId socket)
    {
        while (_held.TryPeek(out var oldest))
        {
            if (oldest.Target.Socket == oldest.Socket && oldest.Target.OpenedAt + _hold > now) break;
            _held.Dequeue();
            if (oldest.Target.Socket != oldest.Socket) continue; // it ended by itself
            socket = oldest.Socket;
            Release(now, oldest.Target);
            oldest.Target.WasRefused = false;
            Enqueue(oldest.Target, now);
            return true;
        }

        socket = default;
        return false;
    }

    /// <summary>Takes the next attempt.</summary>
    public bool TryOpen(Instant now, Func<SocketId> nextSocket, [NotNullWhen(true)] out SocketRequest.TcpConnect? request)
    {
        request = null;
        if (!_waiting.TryPeek(out var target) || AllowedAt(target) > now) return false;
        if (!_budget.TryOpen(now, _hold))
        {
            (_any, _blockedUntil) = (true, SprayBudget.NextSlot(now));
            return false;
        }

        _waiting.Dequeue();
        var socket = nextSocket();
        (target.Socket, target.OpenedAt) = (socket, now);
        _open.Add(socket, target);
        _held.Enqueue((target, socket));
        (_any, _lastAt) = (true, now);
        request = new SocketRequest.TcpConnect(socket, _local, target.Remote, now);
        return true;
    }

    public bool Owns(SocketId socket) => _open.ContainsKey(socket);

    /// <summary>An attempt led to a connection: its target needs no other.</summary>
    public void HandleConnected(Instant now, SocketId socket)
    {
        if (!_open.TryGetValue(socket, out var target)) return;
        HadConnection = true;
        Release(now, target);
    }

    /// <summary>An attempt ended without one: the target comes again, after the others.</summary>
    public void HandleFailed(Instant now, SocketId socket, Instant dueAt)
    {
        if (!_open.TryGetValue(socket, out var target)) return;
        Release(now, target);
        target.WasRefused = true;
        Enqueue(target, dueAt);
    }

    /// <summary>Gives everything up.</summary>
    /// <returns>The sockets that are held.</returns>
    public SocketId[] End(Instant now)
    {
        SocketId[] held = [.. _open.Keys];
        foreach (var socket in held) Release(now, _open[socket]);
        _waiting.Clear();
        _held.Clear();
        _budget.End(now, HadConnection);
        return held;
    }

    private Instant AllowedAt(SprayTarget target)
    {
        if (!_any) return target.DueAt;
        var pace = _hold == ShortHold || target.WasRefused ? ShortPace : Pace;
        return Instant.Max(target.DueAt, Instant.Max(_lastAt + pace, _blockedUntil));
    }

    private void Release(Instant now, SprayTarget target)
    {
        _open.Remove(target.Socket!.Value);
        target.Socket = null;
        _budget.HandleClosed(now, target.OpenedAt, _hold);
    }

    private void Enqueue(SprayTarget target, Instant dueAt)
    {
        target.DueAt = dueAt;
        _waiting.Enqueue(target);
    }
}
