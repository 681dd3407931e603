namespace Porthole.Forwarding;

/// <summary>How ports are shared.</summary>
public sealed record PortSharerOptions
{
    /// <summary>Is told what happens, on any thread. It must not wait.</summary>
    public Action<ForwardingEvent>? Observer { get; init; }

    /// <summary>How long a target may take to be connected; 10 seconds by default.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most TCP connections of one peer; 4,096 by default.</summary>
    public int MaxConnections { get; init; } = 4_096;

    /// <summary>The most TCP connections of one peer that are being connected; more wait. 256 by default, so that a peer cannot have this host flood another with SYNs.</summary>
    public int MaxPending { get; init; } = 256;

    /// <summary>The most UDP flows of one peer; a further one takes the place of the one that has been quiet for longest. 1,024 by default.</summary>
    public int MaxFlows { get; init; } = 1_024;

    /// <summary>How long a UDP flow lives without a datagram; 2 minutes by default (RFC 4787 section 4.3, REQ-5).</summary>
    public TimeSpan FlowTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
