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

    private static readonly ConcurrentBag<ReceiveBatch> s_free = [];

    public static ReceiveBatch Rent() =>
        s_free.TryTake(out var batch) ? batch : new ReceiveBatch(DatagramBatchWriter.MaxDatagram, capacity: 1, Return);

    private static void Return(ReceiveBatch batch)
    {
        if (s_free.Count < Kept) s_free.Add(batch);
    }
}
