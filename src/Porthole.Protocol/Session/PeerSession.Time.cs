namespace Porthole.Protocol.Session;

public sealed partial class PeerSession
{
    /// <summary>The first pause before a handshake message is sent again; doubled each time. Two messages in half a second burden no relay.</summary>
    private static readonly TimeSpan s_handshakeResend = TimeSpan.FromMilliseconds(250);

    /// <summary>The back-off of the handshake ends at 250 ms × 2^4 = 4 s.</summary>
    private const int MaxHandshakeDoublings = 4;

    private readonly Instant _handshakeDeadline;
    private Instant _handshakeResendAt;
    private int _handshakeResends;
    private Instant _lastActivity;
    private bool _isSilent;

    /// <summary>When a stream's bytes or a datagram went out or came in last; the beginning if nothing has.</summary>
    public Instant LastDataAt { get; private set; }

    /// <summary>After how much silence a PING is sent (<see cref="SessionOptions.KeepAlive"/> at first); null for never.</summary>
    public TimeSpan? KeepAlive { get; set; }

    /// <summary>When to call <see cref="HandleDeadline"/>; null when only input can wake the session.</summary>
    public Instant? NextDeadline
    {
        get
        {
            if (State == SessionState.Closed) return null;
            if (State >= SessionState.Closing) return _closedAt;
            var next = Instant.Min(IdleAt, KeepAliveAt ?? Instant.Never);
            if (State != SessionState.Confirmed) next = Instant.Min(next, _handshakeDeadline);
            if (!_handshake.Outgoing.IsEmpty) next = Instant.Min(next, _handshakeResendAt);
            foreach (var path in _paths)
            {
                next = Instant.Min(next, path.AckAt ?? Instant.Never);
                next = Instant.Min(next, path.DrainAt ?? Instant.Never);
                if (path.Validation is { } validation && MaySeal) next = Instant.Min(next, validation.NextAt);
                if (!IsInUse(path)) continue;
                next = Instant.Min(next, Recovery.NextDeadline(path) ?? Instant.Never);
                next = Instant.Min(next, HealthDeadline(path) ?? Instant.Never);
            }

            if (_protection?.NextDeadline is { } keys) next = Instant.Min(next, keys);
            if (Target is { IsCongested: false } target && MaySeal && !target.Pacer.CanSend
                && target.BytesInFlight + target.MaxPacket <= target.Congestion.Window && HasData())
            {
                next = Instant.Min(next, target.Pacer.NextBurst);
            }

            return next;
        }
    }

    // RFC 9000 section 10.1: never shorter than three probe time-outs.
    private Instant IdleAt
    {
        get
        {
            var timeout = _options.IdleTimeout;
            if (_active is { } active && 3 * active.RoundTrip.ProbeTimeout > timeout) timeout = 3 * active.RoundTrip.ProbeTimeout;
            return _lastActivity + timeout;
        }
    }

    private Instant? KeepAliveAt => State == SessionState.Confirmed && KeepAlive is { } pause && !_pingDue && Target is { } target
        ? Instant.Max(_lastActivity, target.LastElicitingSentAt) + pause
        : null;

    /// <summary>Takes the passing of time; early or needless calls do nothing.</summary>
    public void HandleDeadline(Instant now)
    {
        if (State == SessionState.Closed) return;
        if (State >= SessionState.Closing)
        {
            if (now >= _closedAt) State = SessionState.Closed;
            return;
        }

        if (State != SessionState.Confirmed && now >= _handshakeDeadline)
        {
            Finish("the handshake was not done in time", SessionCloseCause.HandshakeTimeout);
            return;
        }

        if (now >= IdleAt)
        {
            Finish("nothing came from the peer", SessionCloseCause.IdleTimeout);
            return;
        }

        if (_protection is { CanSeal: false })
        {
            Finish("the keys are used up and the peer did not update them", SessionCloseCause.Transport, TransportError.AeadLimitReached);
            return;
        }

        if (KeepAliveAt <= now) _pingDue = true;
        _protection?.HandleDeadline(now);
        ResendHandshake(now);
        for (int i = _paths.Count - 1; i >= 0; i--) HandlePathDeadline(now, _paths[i]);
    }

    private void ResendHandshake(Instant now)
    {
        if (_handshake.Outgoing.IsEmpty || now < _handshakeResendAt) return;
        _handshakeResends = Math.Min(_handshakeResends + 1, MaxHandshakeDoublings);
        _handshakeResendAt = now + s_handshakeResend * (1 << _handshakeResends);
        foreach (var path in _paths) path.HandshakeDue = true;
    }

    private void HandlePathDeadline(Instant now, SessionPath path)
    {
        if (path.AckAt <= now) (path.AckDue, path.AckAt) = (true, null); // it may have to wait for a congested socket, which wakes the session itself
        if (path.DrainAt <= now)
        {
            _recovery.FinishDrain(path);
            if (path.IsRemoved) _paths.Remove(path);
            return;
        }

        if (path.Validation is { } validation && MaySeal)
        {
            validation.HandleDeadline(now);
            if (validation.HasFailed)
            {
                path.Validation = null;
                _events.Enqueue(new SessionEvent.PathValidationFailed(path.Id));
            }
        }

        if (!IsInUse(path)) return;
        HandleHealthDeadline(now, path);
        _recovery.HandleDeadline(now, path, probeOnly: path != Target);
    }

    private bool IsInUse(SessionPath path) => !path.IsRemoved && (path == _active || path == Target);
}
