using System.Collections.Concurrent;
using System.Collections.Immutable;
using Porthole.Protocol;
using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>
/// Lets peers reach ports of this host, or of hosts that it can reach: those of a list, and nothing else. Peers reach them with <see cref="PortForwarder"/>. The limits count for a peer over all of its connections to this one. Members may be used from any thread.
/// </summary>
public sealed class PortSharer
{
    private readonly ConcurrentDictionary<PeerId, PeerUsage> _usage = new();
    private long _lastId;

    /// <summary>Shares ports.</summary>
    /// <param name="ports">What may be reached, and by whom.</param>
    /// <param name="options">How; null for the defaults.</param>
    public PortSharer(IEnumerable<SharedPort> ports, PortSharerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(ports);
        (Ports, Options) = ([.. ports], options ?? new PortSharerOptions());
    }

    /// <summary>What may be reached, and by whom.</summary>
    public ImmutableArray<SharedPort> Ports { get; }

    /// <summary>How ports are shared.</summary>
    public PortSharerOptions Options { get; }

    /// <summary>Serves a peer, until its connection is over. All streams of the connection that are not given to it elsewhere belong to the sharer; those that speak something else are given up.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cancellationToken">Ends what is forwarded.</param>
    public async Task ServeAsync(PeerConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        var usage = _usage.AddOrUpdate(connection.RemotePeerId, _ => new PeerUsage(new PeerCounters(Options), 1), static (_, known) => known with { Connections = known.Connections + 1 });
        try
        {
            var served = new SharedConnection(this, connection, usage.Counters, cancellationToken);
            await using (served.ConfigureAwait(false)) await served.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            var left = _usage.AddOrUpdate(connection.RemotePeerId, usage, static (_, known) => known with { Connections = known.Connections - 1 });
            if (left.Connections == 0) _usage.TryRemove(new KeyValuePair<PeerId, PeerUsage>(connection.RemotePeerId, left));
        }
    }

    internal long NextId() => Interlocked.Increment(ref _lastId);

    internal SharedPort? Find(PeerConnection connection, ForwardTarget target) => Ports.FirstOrDefault(port => port.Target == target && port.IsFor(connection));
}
