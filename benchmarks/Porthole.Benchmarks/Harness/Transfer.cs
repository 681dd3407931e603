using System.Diagnostics;

namespace Porthole.Benchmarks.Harness;

/// <summary>Pushes a number of bytes through something that is a stream at both ends, and times it from the first write to the last read.</summary>
internal static class Transfer
{
    /// <summary>The size of a write and of a read, in bytes: what a copying program uses.</summary>
    private const int Chunk = 64 * 1024;

    /// <summary>How long a transfer may stand still before it counts as broken.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static readonly byte[] s_written = new byte[Chunk];
    private static readonly byte[] s_read = new byte[Chunk];

    /// <summary>One round: both ends run in this process, so the processor's time is that of both.</summary>
    public static async Task<Sample> RunAsync(Stream from, Stream to, long bytes)
    {
        var processor = Environment.CpuUsage.TotalTime;
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        long began = Stopwatch.GetTimestamp();
        var writing = Task.Run(() => WriteAsync(from, bytes));
        await Task.Run(() => ReadAsync(to, bytes)).WaitAsync(s_patience).ConfigureAwait(false);
        var elapsed = Stopwatch.GetElapsedTime(began);
        await writing.ConfigureAwait(false);
        return new Sample(
            bytes * 8 / elapsed.TotalSeconds / 1e9,
            new Sample.Figure("processor s/GB", (Environment.CpuUsage.TotalTime - processor).TotalSeconds / (bytes / 1e9)),
            Sample.Figure.Allocated((GC.GetTotalAllocatedBytes(precise: true) - allocated) / (bytes / 1e3), "1,000 bytes"));
    }

    private static async Task WriteAsync(Stream to, long bytes)
    {
        for (long left = bytes; left > 0; left -= Chunk) await to.WriteAsync(s_written.AsMemory(0, (int)Math.Min(Chunk, left))).ConfigureAwait(false);
    }

    private static async Task ReadAsync(Stream from, long bytes)
    {
        while (bytes > 0)
        {
            int read = await from.ReadAsync(s_read.AsMemory(0, (int)Math.Min(Chunk, bytes))).ConfigureAwait(false);
            if (read == 0) throw new EndOfStreamException("The stream ended in mid-transfer.");
            bytes -= read;
        }
    }
}
