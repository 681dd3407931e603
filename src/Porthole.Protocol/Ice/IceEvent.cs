namespace Porthole.Protocol.Ice;

/// <summary>What an agent has to tell its owner.</summary>
public abstract record IceEvent
{
    private IceEvent() { }

    /// <summary>The agent went on to another state.</summary>
    /// <param name="State">The new state.</param>
    public sealed record StateChanged(IceState State) : IceEvent;

    /// <summary>A check of the pair was answered: both directions work.</summary>
    /// <param name="Pair">The pair.</param>
    /// <param name="RoundTrip">How long the answer took; null when the check was sent more than once, so that nobody knows which was
    /// answered.</param>
    public sealed record PairValid(CandidatePair Pair, TimeSpan? RoundTrip) : IceEvent;

    /// <summary>The pair was nominated (RFC 8445 section 8.1.1).</summary>
    /// <param name="Pair">The pair.</param>
    public sealed record PairSelected(CandidatePair Pair) : IceEvent;

    /// <summary>
    /// Consent to send on the pair is over: no answer in time (RFC 7675 section 5.1), or its socket is gone. Nothing may be sent on it any more.
    /// </summary>
    /// <param name="Pair">The pair.</param>
    public sealed record ConsentLost(CandidatePair Pair) : IceEvent;

    /// <summary>The pair works, but consent is no longer kept on it, since others are. Nothing may be sent on it any more.</summary>
    /// <param name="Pair">The pair.</param>
    public sealed record PairReleased(CandidatePair Pair) : IceEvent;

    /// <summary>
    /// A check on a TCP connection was refused, or not answered in time: whoever is there is not the other agent. Or the pair was given up before the answer, since
    /// another was nominated. The connection should be closed.
    /// </summary>
    /// <param name="Pair">The pair.</param>
    public sealed record ConnectionFailed(CandidatePair Pair) : IceEvent;

    /// <summary>One step of one check, for the verdict and the trace.</summary>
    /// <param name="Step">What happened.</param>
    /// <param name="Socket">The local socket.</param>
    /// <param name="Local">The local address.</param>
    /// <param name="Remote">The remote address.</param>
    /// <param name="Attempt">How often this check was sent, from 1; 0 for a received one.</param>
    public sealed record CheckTraced(CheckStep Step, SocketId Socket, TransportAddress Local, TransportAddress Remote, int Attempt) : IceEvent;
}

/// <summary>A step of a connectivity check.</summary>
public enum CheckStep
{
    /// <summary>A check was sent, or sent again.</summary>
    Sent,

    /// <summary>A check of the other agent arrived and was answered.</summary>
    Received,

    /// <summary>The other agent answered our check.</summary>
    Answered,

    /// <summary>Our check was refused, or nobody answered.</summary>
    Failed,

    /// <summary>Our check was answered from another address than it was sent to (RFC 8445 section 7.2.5.2.1).</summary>
    NotSymmetric,

    /// <summary>Both agents claimed the same role (RFC 8445 section 7.3.1.1).</summary>
    RoleConflict,
}
