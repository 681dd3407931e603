namespace Porthole.Protocol.Peer;

/// <summary>How often an idle connection sends something.</summary>
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
        TimeSpan? pause = isIdle ? KeepAlivePolicy.Pause(_context.Lifetimes.Lifetime) : null;
        if (pause == _idlePause) return;
        _idlePause = pause;
        punch.Agent.SetIdle(now, pause);
        if (_context.Options.Session.KeepAlive is { } usual) session.KeepAlive = pause > usual ? pause : usual;
    }
}
