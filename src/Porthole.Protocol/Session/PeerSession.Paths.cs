namespace Porthole.Protocol.Session;

public sealed partial class PeerSession
{
    /// <summary>Where data goes now: the active path, or while nothing comes back on it, the one that carries copies.</summary>
    private SessionPath? Target => _backup is not null && (_active is null || _active.Health != PathHealth.Good) ? _backup : _active;

    /// <summary>
    /// Adds a path. The first trusted one is used at once if none is active. The responder's handshake message goes out on it at once; the initiator's first one
    /// travels in the rendezvous and is sent here only if no answer comes in time.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">The socket it uses.</param>
    /// <param name="remote">The remote address; default on a connected socket.</param>
    /// <param name="traits">What it is made of.</param>
    /// <param name="prefix">What goes before every packet (the head of a relay frame); empty for none.</param>
    /// <param name="trusted">Whether data may go on it unproved: the relay. Others need <see cref="Validate"/>.</param>
    /// <exception cref="InvalidOperationException">There are <see cref="SessionLimits.MaxPaths"/> paths already.</exception>
    public PathId AddPath(Instant now, SocketId socket, TransportAddress remote, PathTraits traits, ReadOnlyMemory<byte> prefix, bool trusted)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(traits.MaxDatagram, PathTraits.SmallestDatagram, nameof(traits));
        if (_paths.Count >= SessionLimits.MaxPaths && !ForgetRemoved()) throw new InvalidOperationException($"A session has at most {SessionLimits.MaxPaths} paths.");
        var path = new SessionPath(new PathId(_nextPathId++), socket, remote, traits, prefix.ToArray(), trusted) { HandshakeDue = !IsInitiator || _protection is not null };
        _paths.Add(path);
        if (trusted && _active is null) SetActive(now, path.Id);
        return path.Id;
    }

    /// <summary>
    /// Proves a path (RFC 9000 section 8.2): sealed challenges and answers on that pair, padded to 1,200 bytes both ways, to less if that dies.
    /// <see cref="SessionEvent.PathValidated"/> or <see cref="SessionEvent.PathValidationFailed"/> follows. The challenge waits for the keys.
    /// </summary>
    public void Validate(Instant now, PathId path)
    {
        if (Find(path) is { } found) found.Validation = new PathValidation(now, found.Traits);
    }

    /// <summary>Moves the session to a path that is trusted or validated. What was sent on the old one has 3 PTO to be acknowledged; then it counts as lost.</summary>
    /// <exception cref="InvalidOperationException">The path is neither trusted nor validated: data on it would be amplification.</exception>
    public void SetActive(Instant now, PathId path)
    {
        if (Find(path) is not { } next || next == _active) return;
        if (!next.IsValidated) throw new InvalidOperationException($"{path} is not validated.");
        bool isMove = _active is not null;
        var before = Target;
        var old = _active;
        _active = next;
        if (_backup == next) _backup = null;
        if (next != before) BeginUse(next);
        if (old is not null)
        {
            if (old.Health != PathHealth.Good) _recovery.Requeue(old);
            _moves++;
        }

        if (isMove || before != Target) AfterTargetChange(now);
    }

    /// <summary>
    /// Names the path that stands in while the active one is suspect: copies of what is unacknowledged, and all new data, go there, and the active one is probed. May be set
    /// in advance. Null ends it.
    /// </summary>
    public void Duplicate(Instant now, PathId? backup)
    {
        _backup = backup is { } id && Find(id) is { IsValidated: true } path && path != _active ? path : null;
        if (_backup is not null && Target == _backup) SendCopies();
        AfterTargetChange(now);
    }

    private void SendCopies()
    {
        BeginUse(_backup!);
        if (_active is null) return;
        _recovery.Requeue(_active);
        _active.ProbesDue = Math.Max(_active.ProbesDue, 1);
        _active.PingDue = true;
    }

    /// <summary>Gives a path up: its socket is gone or its address changed. What was sent on it goes out again on the next active path.</summary>
    public void RemovePath(Instant now, PathId path)
    {
        if (Find(path) is not { } removed) return;
        removed.IsRemoved = true;
        removed.Validation = null;
        if (_active == removed) _active = null;
        if (_backup == removed) _backup = null;
        _recovery.Requeue(removed);
        AfterTargetChange(now);
    }

    /// <summary>Whether the socket of a path takes nothing more for now: credit of a reliable path.</summary>
    public void SetCongested(PathId path, bool congested)
    {
        if (Find(path) is { } found) found.IsCongested = congested;
    }

    private static void BeginUse(SessionPath path)
    {
        // A path with packets in flight was in use until a moment ago: its window stands. One that died, or lay idle, begins anew.
        if (path.PacketsInFlight == 0 || path.Health != PathHealth.Good) path.Congestion.Reset(path.MaxPacket);
        path.ProbeCount = 0;
        if (path.Health == PathHealth.Dead) path.RoundTrip.Reset();
    }

    private void AfterTargetChange(Instant now)
    {
        var target = Target;
        foreach (var path in _paths)
        {
            if (IsInUse(path))
            {
                path.DrainAt = null;
                if (path.PacketsInFlight > 0) path.SilentSince ??= now;
            }
            else if (path.DrainAt is null) Recovery.BeginDrain(now, path);
        }

        if (target is null) return;
        _streams.RoundTrip = target.RoundTrip.Smoothed;
        _streams.CongestionWindow = target.Congestion.Window;
    }

    private SessionPath? Find(PathId id)
    {
        foreach (var path in _paths)
        {
            if (path.Id == id && !path.IsRemoved) return path;
        }

        return null;
    }

    private bool ForgetRemoved()
    {
        int index = _paths.FindIndex(path => path.IsRemoved);
        if (index < 0) return false;
        _recovery.FinishDrain(_paths[index]);
        _paths.RemoveAt(index);
        return true;
    }

    // After 2 PTO without a packet copies go elsewhere; after max(3 PTO, 1 s), at most 2 s, the path is dead.
    private static readonly TimeSpan s_minDeadTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_maxDeadTime = TimeSpan.FromSeconds(2);

    private const int SuspectTimeouts = 2;
    private const int DeadTimeouts = 3;

    private static Instant? HealthDeadline(SessionPath path)
    {
        if (path.SilentSince is not { } since || path.Health == PathHealth.Dead) return null;
        var timeout = path.RoundTrip.ProbeTimeout;
        var dead = DeadTimeouts * timeout;
        if (dead < s_minDeadTime) dead = s_minDeadTime;
        if (dead > s_maxDeadTime) dead = s_maxDeadTime;
        var suspect = SuspectTimeouts * timeout;
        return since + (path.Health == PathHealth.Suspect || suspect > dead ? dead : suspect);
    }

    private void HandleHealthDeadline(Instant now, SessionPath path)
    {
        while (HealthDeadline(path) is { } at && at <= now)
        {
            if (path.Health == PathHealth.Good)
            {
                path.Health = PathHealth.Suspect;
                _events.Enqueue(new SessionEvent.PathSuspect(path.Id));
                if (path == _active && Target == _backup && _backup is not null) SendCopies();
                AfterTargetChange(now);
            }
            else
            {
                path.Health = PathHealth.Dead;
                _events.Enqueue(new SessionEvent.PathDead(path.Id));
            }
        }
    }

    // Any authentic packet shows that the path lives; what is still owed gets its time anew.
    private void HandleLife(Instant now, SessionPath path)
    {
        path.SilentSince = path.PacketsInFlight > 0 ? now : null;
        if (path.Health == PathHealth.Good) return;
        path.Health = PathHealth.Good;
        _events.Enqueue(new SessionEvent.PathRecovered(path.Id));
        AfterTargetChange(now);
    }
}
