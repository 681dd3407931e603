using System.Collections.Concurrent;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// The receive buffers that all main connections of a process share: a connection holds one only from the first byte of a message until the machine
/// has seen it, so a server with many idle peers needs few.
/// </summary>
internal static class MessageBuffers
{
    /// <summary>How many are kept for reuse: 4 MB at most. More than that are left to the garbage collector.</summary>
    private const int Kept = 64;

    /// <summary>Messages of one connection that were received and that the machine has not seen yet. Beyond that the connection is not read, and its sender waits.</summary>
    public const int PerConnection = 8;

    private static readonly ConcurrentBag<ReceiveBatch> s_free = [];

    /// <summary>The quota of one connection.</summary>
    public static SemaphoreSlim CreateQuota() => new(PerConnection);

    /// <summary>Takes a buffer, once the quota allows it; the quota gets it back with the batch's release.</summary>
    public static async ValueTask<ReceiveBatch> RentAsync(SemaphoreSlim quota, CancellationToken cancellationToken)
    {
        await quota.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (!s_free.TryTake(out var batch)) batch = new ReceiveBatch(DatagramBatchWriter.MaxDatagram, capacity: 1, Return);
        batch.Quota = quota;
        return batch;
    }

    private static void Return(ReceiveBatch batch)
    {
        var quota = batch.Quota;
        batch.Quota = null;
        if (s_free.Count < Kept) s_free.Add(batch);
        quota?.Release();
    }
}
