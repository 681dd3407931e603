namespace Porthole.Forwarding;

/// <summary>What is counted of a peer, over all of its connections.</summary>
internal sealed class PeerCounters(PortSharerOptions options)
{
    private int _connections;

    /// <summary>Bounds the targets that are being connected.</summary>
    public SemaphoreSlim Pending { get; } = new(options.MaxPending);

    /// <summary>Bounds its UDP flows.</summary>
    public PeerFlows Flows { get; } = new(options.MaxFlows);

    /// <summary>Counts one more TCP connection.</summary>
    /// <returns>False when there are as many as may be.</returns>
    public bool TryAdd()
    {
        if (Interlocked.Increment(ref _connections) <= options.MaxConnections) return true;
        Interlocked.Decrement(ref _connections);
        return false;
    }

    /// <summary>A TCP connection is over.</summary>
    public void Remove() => Interlocked.Decrement(ref _connections);
}
