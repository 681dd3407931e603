using System.Buffers.Binary;
using System.Security.Cryptography;
using Porthole.Benchmarks.Harness;
using Porthole.Protocol;
using Porthole.Protocol.Session;

namespace Porthole.Benchmarks.Protocol;

/// <summary>
/// A stream between two sessions in memory, on one thread, against nothing but sealing and opening packets of the same size: what is between them is frames,
/// acknowledgements, flow control, recovery, pacing and the copies in and out of the rings.
/// </summary>
internal sealed class SessionBenchmark : IBenchmark
{
    private const int DefaultRounds = 11;

    /// <summary>Some 50,000 packets.</summary>
    private const long Bytes = 60_000_000;

    /// <summary>What a full packet carries beside its own header and tag.</summary>
    private const int Payload = PathTraits.FullDatagram - PacketProtection.Overhead;

    private const int NonceSize = 12;

    private readonly AesGcm _seal = new(new byte[32], PacketProtection.TagSize);
    private readonly AesGcm _open = new(new byte[32], PacketProtection.TagSize);
    private readonly byte[] _packet = new byte[PathTraits.FullDatagram];

    public string Name => "session";

    public string Summary => "a stream between two sessions in memory; against AES-256-GCM over the same packets";

    public Task<string> RunAsync(int rounds)
    {
        var pair = new SessionPair();
        return new Comparison(
            "Two sessions in memory, one thread, 1,200-byte packets",
            "Gbit per processor second",
            new Contender("AesGcm seal and open alone", () => Task.FromResult(Measure(SealAndOpen))),
            new Contender("stream, session to session", () => Task.FromResult(Measure(() =>
            {
                long before = pair.Packets;
                pair.Transfer(Bytes);
                return pair.Packets - before;
            }))))
            .RunAsync(rounds == 0 ? DefaultRounds : rounds, warmUps: 2);
    }

    private static Sample Measure(Func<long> transfer)
    {
        var processor = Environment.CpuUsage.TotalTime;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long packets = transfer();
        double seconds = (Environment.CpuUsage.TotalTime - processor).TotalSeconds;
        return new Sample(Bytes * 8 / seconds / 1e9, Sample.Figure.Allocated((double)(GC.GetAllocatedBytesForCurrentThread() - allocated) / packets, "packet"));
    }

    private long SealAndOpen()
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        nonce.Clear();
        var header = _packet.AsSpan(0, PacketProtection.HeaderSize);
        var payload = _packet.AsSpan(PacketProtection.HeaderSize, Payload);
        var tag = _packet.AsSpan(PacketProtection.HeaderSize + Payload);
        long packets = Bytes / Payload;
        for (long i = 0; i < packets; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(nonce, i);
            _seal.Encrypt(nonce, payload, payload, tag, header);
            _open.Decrypt(nonce, payload, tag, payload, header);
        }

        return packets;
    }
}
