namespace Porthole.Protocol.Peer;

/// <summary>How often an idle connection sends something, and what happens before a NAT ends a mapping that is in use.</summary>
internal sealed partial class PeerLink
{
    private TimeSpan? _idlePause;

    /// <summary>
    /// While nothing is said, the pairs are refreshed only as often as this side's NAT demands; the other side looks after its own. The session's PING may wait as long, but comes no
    /// more often for it: consent checks hold the NAT open.
    /// </summary>
    private void AdaptKeepAlive(Instant now)
    {
        if (Session is not { } session || _punch is not { } punch) return;
        bool isIdle = punch.Agent.State == Ice.IceState.Completed && now - session.LastDataAt >= KeepAlivePolicy.IdleAfter;
        TimeSpan? pause = isIdle ? KeepAlivePolicy.Pause(_context.Background.Lifetime) : null;
        if (pause == _idlePause) return;
        _idlePause = pause;
        punch.Agent.SetIdle(now, pause);
        if (_context.Options.Session.KeepAlive is { } usual) session.KeepAlive = pause > usual ? pause : usual;
    }

    /// <summary>Another socket has taken the place of one whose mapping is about to end: paths over it are left while they still work.</summary>
    public void HandleSocketRetiring(Instant now, SocketId socket)
    {
        if (_isFinished || !Uses(socket)) return;
        foreach (var path in _paths) path.IsRetiring |= path.Socket == socket;
        HandleNetworkChange(now);
    }

    /// <summary>The socket is closed.</summary>
    public void HandleRetiredGone(Instant now, SocketId socket)
    {
        if (Uses(socket)) HandleSocketsGone(now, [socket]);
    }

    private bool Uses(SocketId socket)
    {
        foreach (var path in _paths)
        {
            if (path.Kind == PathKind.Udp && path.Socket == socket) return true;
        }

        return false;
    }
}
