namespace Porthole.Protocol.Punching;

/// <summary>A local port and a remote address, with the attempt that is under way between them.</summary>
internal sealed class PunchPair(PunchPort port, TransportAddress remote, TcpCandidateType type, Instant dueAt)
{
    public PunchPort Port { get; } = port;

    public TransportAddress Remote { get; } = remote;

    public TcpCandidateType Type { get; } = type;

    /// <summary>The attempt under way; null when there is none.</summary>
    public SocketId? Socket { get; private set; }

    /// <summary>When the attempt under way has lasted long enough.</summary>
    public Instant GiveUpAt { get; private set; } = Instant.Never;

    /// <summary>When the next attempt may start.</summary>
    public Instant DueAt { get; private set; } = dueAt;

    /// <summary>Since when every attempt was refused; null when the last one was not.</summary>
    public Instant? RefusedSince { get; private set; }

    /// <summary>How many refusals in a row.</summary>
    public int Refusals { get; private set; }

    /// <summary>Whether the other side has named a newer address of the same host since this one began to refuse.</summary>
    public bool IsOutdated { get; set; }

    /// <summary>Whether a connection was handed over, or there can be none: nothing more is attempted.</summary>
    public bool IsDone { get; private set; }

    /// <summary>The connection that was handed over.</summary>
    public SocketId? Connection { get; private set; }

    /// <summary>Whether it waits for its next attempt.</summary>
    public bool IsWaiting => Socket is null && !IsDone && !Port.IsReplaced;

    /// <summary>Whether two addresses may be a pair: one family, one scope (RFC 6544 section 6.2 after RFC 8445 section 6.1.2.2), and not one and the same.</summary>
    public static bool CanPair(TransportAddress local, TransportAddress remote) =>
        local.IsIPv6 == remote.IsIPv6
        && local != remote
        && (local.IsUnspecified || (local.IsLoopback == remote.IsLoopback && (!local.IsIPv6 || local.IsLinkLocal == remote.IsLinkLocal)));

    public void HandleStarted(SocketId socket, Instant giveUpAt) => (Socket, GiveUpAt) = (socket, giveUpAt);

    public void HandleRefused(Instant now, Instant dueAt)
    {
        RefusedSince ??= now;
        Refusals++;
        End(dueAt);
    }

    public void HandleUnanswered(Instant dueAt)
    {
        (RefusedSince, Refusals) = (null, 0);
        End(dueAt);
    }

    public void End(Instant dueAt) => (Socket, GiveUpAt, DueAt) = (null, Instant.Never, dueAt);

    public void HandleDone() => (Socket, GiveUpAt, IsDone) = (null, Instant.Never, true);

    public void HandleConnected()
    {
        Connection = Socket;
        HandleDone();
    }

    /// <summary>The connection broke while others are still looked for: the other side may never have had it (its half was answered with RST).</summary>
    public void HandleBroken(Instant dueAt)
    {
        (Connection, IsDone) = (null, false);
        HandleUnanswered(dueAt);
    }
}
