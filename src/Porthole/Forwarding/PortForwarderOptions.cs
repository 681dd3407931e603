using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>How ports are forwarded.</summary>
public sealed record PortForwarderOptions
{
    /// <summary>Is told what happens, on any thread. It must not wait.</summary>
    public Action<ForwardingEvent>? Observer { get; init; }

    /// <summary>
    /// Is told of a local connection that is closed because there is no connection to the peer: where it was to go, and why not; on any thread. It must not wait. Of a UDP port, which is asked for again while the connection lives, it is told
    /// when the reason is another than before, and when its socket has failed for a while.
    /// </summary>
    public Action<ForwardTarget, PeerException>? Unconnected { get; init; }

    /// <summary>How long a local connection waits for the peer while there is no connection to it, before it is closed; 15 seconds by default: most programs wait so long for a connection.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the sharer may take to answer; 30 seconds by default, three times what it gives its target.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most local connections at once; more are closed. 4,096 by default, as at the sharer.</summary>
    public int MaxConnections { get; init; } = 4_096;

    /// <summary>The most UDP flows of a local port; a further one takes the place of the one that has been quiet for longest. 1,024 by default.</summary>
    public int MaxFlows { get; init; } = 1_024;

    /// <summary>How long a UDP flow lives without a datagram; 2 minutes by default (RFC 4787 section 4.3, REQ-5).</summary>
    public TimeSpan FlowTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
