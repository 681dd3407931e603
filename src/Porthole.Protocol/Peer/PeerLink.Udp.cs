namespace Porthole.Protocol.Peer;

/// <summary>Fresh UDP sockets of a link: opened by the methods for hard NATs, kept while they carry a path, closed; and the pace of what a punch sends.</summary>
internal sealed partial class PeerLink
{
    /// <summary>
    /// How long a fresh socket without a path is kept after the first pair was found, or after its path was lost: a check that is under way, or one from the other
    /// side, may still make something of it.
    /// </summary>
    private static readonly TimeSpan s_lateTime = TimeSpan.FromSeconds(2);

    private readonly FreshSockets _fresh;
    private Instant? _closeIdleAt;

    /// <summary>When a punch may send again: within its own pace, and while there is a spray within the budget of that, which ordinary checks are a part of.</summary>
    private Instant ChecksNextAt => _context.Sprays.IsTaken ? Instant.Max(_context.Checks.NextAt, _context.Sprays.NextAt) : _context.Checks.NextAt;

    /// <summary>Writes what a punch has to send. What a method puts behind one another must stay so; but what a spray has hit comes before the spray itself.</summary>
    private bool TryWriteChecks(Instant now, Punch punch, ref DatagramBatchWriter writer)
    {
        bool isSpraying = punch.Udp is { IsSpraying: true };
        bool isWritten = !isSpraying && punch.Udp is { } first && first.TryWrite(now, ref writer);
        if (!isWritten && punch.Agent.TryWrite(now, ref writer))
        {
            _context.Sprays.Count(now);
            isWritten = true;
        }

        isWritten = isWritten || (isSpraying && punch.Udp!.TryWrite(now, ref writer));
        if (isWritten) _context.Checks.Take(now);
        return isWritten;
    }

    /// <summary>Takes word that a packet met an ICMP error.</summary>
    public void HandleUnreachable(Instant now, SocketEvent.Unreachable unreachable)
    {
        if (!_isFinished && _punch?.Udp?.HandleUnreachable(now, unreachable.Socket, unreachable.Remote) == true) Pump(now);
    }

    /// <summary>Takes what became of a fresh socket.</summary>
    /// <returns>Whether it was one.</returns>
    private bool HandleFreshSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when _fresh.TryFind(opened.Socket, out var socket):
                socket.HandleOpened(opened.Local);
                if (_punch?.Udp?.HandleOpened(now, socket) != true) _fresh.Close(socket.Id); // the punch is over meanwhile
                return true;
            case SocketEvent.Failed failed when _fresh.HandleFailed(failed.Socket):
                HandleSocketGone(now, failed.Socket);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Closes the fresh sockets whose addresses are gone: they go with the main socket there.</summary>
    private void HandleAddressesGone(Instant now)
    {
        foreach (var socket in _fresh.All.ToArray())
        {
            if (!socket.IsOpen || _context.Sockets.Find(socket.Local) is not null) continue;
            _fresh.Close(socket.Id);
            HandleSocketGone(now, socket.Id);
        }
    }

    private void HandleSocketGone(Instant now, SocketId socket)
    {
        _punch?.Udp?.HandleGone(now, socket);
        _punch?.Agent.RemoveSocket(now, socket);
        bool wasActive = _active?.Socket == socket;
        foreach (var path in _paths.Where(path => path.Socket == socket && path.IsDirect).ToArray()) Remove(now, path);
        SelectPath(now);
        if (wasActive && _active is not { IsDirect: true }) LookForDirect(now, VerdictReason.PathLost);
    }

    private void HandleUdpDeadline(Instant now)
    {
        if (_closeIdleAt <= now) CloseIdleSockets(now);
        if (_punch is not { VerdictAt: { } verdictAt } punch || verdictAt > now) return;
        punch.VerdictAt = null;
        Announce(now, VerdictWriter.Explain(Facts()));
    }

    /// <summary>Has the fresh sockets closed that make no path in a while: nothing more is done for them.</summary>
    private void CloseIdleSocketsLater(Instant now)
    {
        if (_fresh.All.Count > 0) _closeIdleAt ??= now + s_lateTime;
    }

    /// <summary>Closes the fresh sockets that carry no path and wait for none.</summary>
    private void CloseIdleSockets(Instant now)
    {
        _closeIdleAt = null;
        if (_punch?.Udp is { IsRunning: true }) return; // the method closes its own
        bool isDirect = _active is { IsDirect: true, IsDead: false };
        foreach (var socket in _fresh.All.ToArray())
        {
            // A path that went silent may come back; it is of no more use when there is another.
            if (_paths.Exists(path => path.Socket == socket.Id && path.IsDirect && (path.IsPairValid || (path.IsProved && !(path.IsDead && isDirect))))) continue;
            _fresh.Close(socket.Id);
            HandleSocketGone(now, socket.Id);
        }
    }

    private void CloseSockets(Instant now)
    {
        _punch?.StopTcp(now);
        _punch?.Udp?.Stop(now);
        foreach (var socket in _fresh.All.ToArray()) _fresh.Close(socket.Id);
        _closeIdleAt = null;
    }

    /// <summary>
    /// A new agent asks again over the fresh sockets that carry a path: this side takes checks there, the other side, whose main socket it is, checks the address
    /// that nobody signals.
    /// </summary>
    private void HandOverSockets(Instant now, Punch punch)
    {
        foreach (var path in _paths)
        {
            if (!path.IsUsable || path.Kind != PathKind.Udp) continue;
            if (_fresh.TryFind(path.Socket, out var socket)) punch.Agent.AddSilentSocket(now, socket.Id, socket.Local);
            else if (punch.IsVouched(path.Remote)) punch.AddKnown(now, path.Remote);
        }
    }
}
