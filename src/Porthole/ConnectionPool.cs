using Porthole.Protocol.Peer;

namespace Porthole;

/// <summary>The connections of a node that are called when they are first needed, shared by whoever needs them, kept, and called again when they were lost.</summary>
internal sealed class ConnectionPool(PeerNode node)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerTarget, Task<PeerConnection>> _calls = [];

    /// <summary>Opens a stream to a peer.</summary>
    /// <exception cref="PeerException">The peer cannot be reached.</exception>
    public async Task<PeerStream> OpenStreamAsync(PeerTarget target, string protocol, CancellationToken cancellationToken)
    {
        while (true)
        {
            var call = GetCall(target, out bool isKept);
            var connection = await call.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return await connection.OpenStreamAsync(protocol, cancellationToken).ConfigureAwait(false);
            }
            catch (PeerException) when (isKept && connection.Closed.IsCompleted)
            {
                Forget(target, call); // it was lost since it was last used
            }
        }
    }

    /// <summary>The call of a peer: under way, or answered by a connection that lives. Whoever gives up waiting leaves it to the others; it ends by the node's connect time-out.</summary>
    private Task<PeerConnection> GetCall(PeerTarget target, out bool isKept)
    {
        lock (_lock)
        {
            isKept = _calls.TryGetValue(target, out var call) && (!call.IsCompleted || (call.IsCompletedSuccessfully && !call.Result.Closed.IsCompleted));
            if (isKept) return call!;
            call = _calls[target] = CallAsync(target);
            _ = call.ContinueWith(static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // seen, also when nobody waits any more
            return call;
        }
    }

    private async Task<PeerConnection> CallAsync(PeerTarget target)
    {
        await Task.Yield(); // the lock is let go
        var connection = await node.ConnectAsync(target).ConfigureAwait(false);
        node.Streams.ServeCalled(connection); // two that call each other at once have this one connection for both
        return connection;
    }

    private void Forget(PeerTarget target, Task<PeerConnection> call)
    {
        lock (_lock)
        {
            if (_calls.TryGetValue(target, out var current) && current == call) _calls.Remove(target);
        }
    }
}
