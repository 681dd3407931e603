namespace Porthole.Cli.Trace;

/// <summary>The columns of a chart, from left to right.</summary>
internal enum TraceLane
{
    /// <summary>This peer.</summary>
    Here,

    /// <summary>The NATs in front of it.</summary>
    NatHere,

    /// <summary>The server: its STUN ports and the main connection.</summary>
    Server,

    /// <summary>The NATs in front of the peer.</summary>
    NatThere,

    /// <summary>The peer.</summary>
    There,
}

/// <summary>What a step is.</summary>
internal enum TraceKind
{
    /// <summary>A question to a STUN server or to a gateway.</summary>
    Question,

    /// <summary>An answer to any of the others.</summary>
    Answer,

    /// <summary>A connectivity check.</summary>
    Check,

    /// <summary>A check that nobody waits for an answer to.</summary>
    Probe,

    /// <summary>A packet that is meant to die on the way.</summary>
    Opener,

    /// <summary>A step of a TCP connection.</summary>
    Connection,

    /// <summary>A control message from or to the server.</summary>
    Control,

    /// <summary>A packet of the session over the relay.</summary>
    Relay,

    /// <summary>Something that the peer told: no packet.</summary>
    Note,
}

/// <summary>One row of a chart.</summary>
/// <param name="At">When, since the trace began.</param>
/// <param name="Kind">What it is.</param>
/// <param name="From">Where it comes from.</param>
/// <param name="To">Where it ends.</param>
/// <param name="Text">What it is in words.</param>
internal sealed record TraceStep(TimeSpan At, TraceKind Kind, TraceLane From, TraceLane To, string Text)
{
    /// <summary>Whether it got no further than <see cref="To"/>: nothing shows that but the answer that never came.</summary>
    public bool IsLost { get; init; }

    /// <summary>How many such steps the row stands for.</summary>
    public int Count { get; init; } = 1;

    /// <summary>When the last of them was, since the trace began.</summary>
    public TimeSpan Until { get; init; } = At;
}
