using System.Security.Cryptography;
using Porthole.Benchmarks.Harness;
using Porthole.Protocol.Stun;
using Porthole.Runtime;

namespace Porthole.Benchmarks.Protocol;

/// <summary>
/// Reading and writing a connectivity check with all that ICE puts into one, against the one HMAC over the same bytes that the RFC asks for anyway.
/// </summary>
internal sealed class StunBenchmark : IBenchmark
{
    private const int DefaultRounds = 15;

    private static readonly byte[] s_username = "Kj3b:aZ9q"u8.ToArray();
    private static readonly byte[] s_key = "VOkJxbRl1RmTxUk/WvJxBt4q"u8.ToArray();

    private readonly TransactionId _transaction = TransactionId.Create(OperatingSystemEntropy.Instance);

    public string Name => "stun";

    public string Summary => "read, verify and write a connectivity check; against one HMAC over its bytes";

    public async Task<string> RunAsync(int rounds)
    {
        if (rounds == 0) rounds = DefaultRounds;
        byte[] message = Check(sha256: false), message256 = Check(sha256: true);
        var sha1 = new Comparison(
            $"STUN with MESSAGE-INTEGRITY, {message.Length} bytes",
            "ns",
            Contender.Loop("HMACSHA1.HashData alone", 1, count => HashSha1(message, count)),
            Contender.Loop("parse", 1, count => Parse(message, count)),
            Contender.Loop("parse, verify integrity and fingerprint", 1, count => Verify(message, count)),
            Contender.Loop("build, with integrity and fingerprint", 1, count => Build(count, sha256: false)));
        var sha256 = new Comparison(
            $"STUN with MESSAGE-INTEGRITY-SHA256, {message256.Length} bytes",
            "ns",
            Contender.Loop("HMACSHA256.HashData alone", 1, count => HashSha256(message256, count)),
            Contender.Loop("parse, verify integrity and fingerprint", 1, count => Verify256(message256, count)),
            Contender.Loop("build, with integrity and fingerprint", 1, count => Build(count, sha256: true)));
        return await sha1.RunAsync(rounds, warmUps: 3).ConfigureAwait(false) + Environment.NewLine + await sha256.RunAsync(rounds, warmUps: 3).ConfigureAwait(false);
    }

    private static void HashSha1(byte[] message, int count)
    {
        Span<byte> hash = stackalloc byte[MessageIntegrity.Size];
#pragma warning disable CA5350 // STUN asks for HMAC-SHA1 (RFC 8489 section 14.5)
        while (count-- > 0) HMACSHA1.HashData(s_key, message, hash);
#pragma warning restore CA5350
    }

    private static void HashSha256(byte[] message, int count)
    {
        Span<byte> hash = stackalloc byte[MessageIntegrity.Sha256Size];
        while (count-- > 0) HMACSHA256.HashData(s_key, message, hash);
    }

    private static void Parse(byte[] message, int count)
    {
        while (count-- > 0)
        {
            Require(StunReader.TryParse(message, out var reader)
                && reader.TryGetUInt32(StunAttributeType.Priority, out _)
                && reader.TryGetBytes(StunAttributeType.Username, out _));
        }
    }

    private static void Verify(byte[] message, int count)
    {
        while (count-- > 0) Require(StunReader.TryParse(message, out var reader) && reader.HasValidFingerprint() && reader.HasValidIntegrity(s_key));
    }

    private static void Verify256(byte[] message, int count)
    {
        while (count-- > 0) Require(StunReader.TryParse(message, out var reader) && reader.HasValidFingerprint() && reader.HasValidIntegritySha256(s_key));
    }

    private static void Require(bool condition)
    {
        if (!condition) throw new InvalidOperationException("The benchmark's own message is not read.");
    }

    private byte[] Check(bool sha256)
    {
        byte[] buffer = new byte[MessageIntegrity.MaxMessageSize];
        return buffer[..Write(buffer, sha256)];
    }

    private void Build(int count, bool sha256)
    {
        Span<byte> buffer = stackalloc byte[512];
        while (count-- > 0) Write(buffer, sha256);
    }

    private int Write(Span<byte> buffer, bool sha256)
    {
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, _transaction);
        writer.WriteBytes(StunAttributeType.Username, s_username);
        writer.WriteUInt32(StunAttributeType.Priority, 0x6E7F_1EFF);
        writer.WriteUInt64(StunAttributeType.IceControlling, 0x932F_F9B1_5126_3B36);
        if (sha256) writer.WriteIntegritySha256(s_key);
        else writer.WriteIntegrity(s_key);
        writer.WriteFingerprint();
        return writer.Length;
    }
}
