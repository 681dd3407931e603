using System.Collections.Concurrent;

namespace Porthole.Sockets;

/// <summary>
/// The receive buffers that all connections of one kind share in a process: a connection holds one only from the first byte of a message until the
/// machine has seen it, so a server with many idle peers needs few.
/// </summary>
/// <param name="bufferSize">The size of a buffer, in bytes.</param>
/// <param name="capacity">How many messages it holds at most.</param>
internal sealed class MessageBuffers(int bufferSize, int capacity)
{
    /// <summary>Received buffers of one connection that the machine has not seen yet. Beyond that the connection is not read, and its sender waits.</summary>
    public const int PerConnection = 8;

    /// <summary>How many are kept for reuse: 4 MB at most. More than that are left to the garbage collector.</summary>
    private const int Kept = 64;

    /// <summary>What one read of a stream may bring, in messages: small ones, one after the other.</summary>
    private const int StreamCapacity = 256;

    private readonly ConcurrentBag<ReceiveBatch> _free = [];

    /// <summary>Those of main connections: one message each.</summary>
    public static MessageBuffers Main { get; } = new(MainConnection.MaxMessage, capacity: 1);

    /// <summary>Those of TCP connections: whatever messages came together.</summary>
    public static MessageBuffers Stream { get; } = new(MessageFrames.MaxSize, StreamCapacity);

    /// <summary>The quota of one connection.</summary>
    public static SemaphoreSlim CreateQuota() => new(PerConnection);

    /// <summary>Takes a buffer, once the quota allows it; the quota gets it back with the batch's release.</summary>
    public ValueTask<ReceiveBatch> RentAsync(SemaphoreSlim quota, CancellationToken cancellationToken) =>
        quota.Wait(0, CancellationToken.None) ? new ValueTask<ReceiveBatch>(Take(quota)) : WaitAndTakeAsync(quota, cancellationToken);

    private async ValueTask<ReceiveBatch> WaitAndTakeAsync(SemaphoreSlim quota, CancellationToken cancellationToken)
    {
        await quota.WaitAsync(cancellationToken).ConfigureAwait(false);
        return Take(quota);
    }

    private ReceiveBatch Take(SemaphoreSlim quota)
    {
        if (!_free.TryTake(out var batch)) batch = new ReceiveBatch(bufferSize, capacity, Return);
        batch.Quota = quota;
        return batch;
    }

    private void Return(ReceiveBatch batch)
    {
        var quota = batch.Quota;
        batch.Quota = null;
        if (_free.Count < Kept) _free.Add(batch);
        quota?.Release();
    }
}
