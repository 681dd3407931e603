using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;

namespace Porthole.TestPeer;

/// <summary>
/// The same number of bytes each way over one stream at once, each followed by its SHA-256: what is lost, doubled or out of order shows in the hash.
/// </summary>
internal sealed class Exchange
{
    private const int HeaderSize = 2 * sizeof(long);
    private const int ChunkSize = 16 * 1024;

    private static readonly TimeSpan s_progressInterval = TimeSpan.FromMilliseconds(100);

    private readonly Stream _stream;
    private readonly long _bytes;
    private readonly long _rate;

    private Exchange(Stream stream, long bytes, long rate) => (_stream, _bytes, _rate) = (stream, bytes, rate);

    /// <summary>Whether what arrived had the right length and hash.</summary>
    public bool IsIntact { get; private set; }

    /// <summary>How many bytes arrived.</summary>
    public long Received { get; private set; }

    /// <summary>The longest time in which nothing arrived, and when it ended.</summary>
    public (double Milliseconds, double At) LongestGap { get; private set; }

    /// <summary>How long it all took.</summary>
    public TimeSpan Elapsed { get; private set; }

    public static async Task<Exchange> AskAsync(Stream stream, long bytes, long rate, Action<Exchange>? progress)
    {
        byte[] header = new byte[HeaderSize];
        BinaryPrimitives.WriteInt64BigEndian(header, bytes);
        BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(sizeof(long)), rate);
        await stream.WriteAsync(header);
        var exchange = await RunAsync(stream, bytes, rate, progress);
        // Closing a connection drops what the peer has not got yet, so the last word is the peer's.
        await stream.ReadExactlyAsync(new byte[1]);
        return exchange;
    }

    public static async Task<Exchange> AnswerAsync(Stream stream)
    {
        byte[] header = new byte[HeaderSize];
        await stream.ReadExactlyAsync(header);
        long bytes = BinaryPrimitives.ReadInt64BigEndian(header);
        long rate = BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(sizeof(long)));
        var exchange = await RunAsync(stream, bytes, rate, null);
        await stream.WriteAsync(new byte[1]);
        return exchange;
    }

    private static async Task<Exchange> RunAsync(Stream stream, long bytes, long rate, Action<Exchange>? progress)
    {
        long start = Stopwatch.GetTimestamp();
        var exchange = new Exchange(stream, bytes, rate);
        await Task.WhenAll(exchange.SendAsync(), exchange.ReceiveAsync(progress));
        exchange.Elapsed = Stopwatch.GetElapsedTime(start);
        return exchange;
    }

    private async Task SendAsync()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] chunk = new byte[ChunkSize];
        long start = Stopwatch.GetTimestamp();
        for (long sent = 0; sent < _bytes;)
        {
            RandomNumberGenerator.Fill(chunk);
            int length = (int)Math.Min(chunk.Length, _bytes - sent);
            hash.AppendData(chunk, 0, length);
            await _stream.WriteAsync(chunk.AsMemory(0, length));
            sent += length;
            if (_rate <= 0) continue;
            var ahead = TimeSpan.FromSeconds((double)sent / _rate) - Stopwatch.GetElapsedTime(start);
            if (ahead > TimeSpan.Zero) await Task.Delay(ahead);
        }
        await _stream.WriteAsync(hash.GetHashAndReset());
        await _stream.FlushAsync();
    }

    private async Task ReceiveAsync(Action<Exchange>? progress)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] chunk = new byte[ChunkSize];
        long last = Stopwatch.GetTimestamp();
        long told = last;
        while (Received < _bytes)
        {
            int length = await _stream.ReadAsync(chunk.AsMemory(0, (int)Math.Min(chunk.Length, _bytes - Received)));
            if (length == 0) return;
            double gap = Stopwatch.GetElapsedTime(last).TotalMilliseconds;
            last = Stopwatch.GetTimestamp();
            if (gap > LongestGap.Milliseconds) LongestGap = (gap, Report.Now);
            hash.AppendData(chunk, 0, length);
            Received += length;
            if (progress is null || Stopwatch.GetElapsedTime(told) < s_progressInterval) continue;
            told = last;
            progress(this);
        }
        byte[] expected = new byte[SHA256.HashSizeInBytes];
        await _stream.ReadExactlyAsync(expected);
        IsIntact = hash.GetHashAndReset().AsSpan().SequenceEqual(expected);
    }
}
