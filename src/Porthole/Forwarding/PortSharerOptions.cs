using Porthole.Protocol.Forwarding;

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

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
