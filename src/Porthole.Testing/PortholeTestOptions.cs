using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Testing;

/// <summary>What a test network is like. The defaults do for most tests.</summary>
public sealed record PortholeTestOptions
{
    /// <summary>Decides what chance decides in the network: the ports of NATs, which packets are lost, jitter; and the keys of the peers. Not when things happen.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The time from any public address to any other, between two peers and between a peer and the server.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public TimeSpan Latency
    {
        get;
        init => field = value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A latency is not negative.");
    } = TimeSpan.FromMilliseconds(5);

    /// <summary>What the server allows; null for the defaults of <c>porthole server</c>.</summary>
    public RendezvousServerOptions? Server { get; init; }

    /// <summary>Whether the server answers STUN on a second address too, by which peers find out more about their NATs.</summary>
    public bool ServerHasTwoAddresses { get; init; }

    /// <summary>How many lines <see cref="PortholeTestNetwork.Trace"/> keeps, the newest; 0 for none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int TraceLines
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A number of lines is not negative.");
    } = 2_000;

    /// <summary>The clock of the network and, unless they are given another, of the peers.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the peers log.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}
