using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Writes a pattern of known bytes into a stream, as fast as it takes them, and ends it.</summary>
internal sealed class StreamSource(SessionStream stream, long total, int seed)
{
    private readonly byte[] _buffer = new byte[16_384];
    private long _position;
    private bool _done;

    public SessionStream Stream { get; } = stream;

    public static byte Pattern(long position, int seed) => (byte)(((ulong)position * 0x9E37_79B9_7F4A_7C15 + (ulong)seed * 77) >> 53);

    public void Pump(Instant now, PeerSession session)
    {
        while (!_done)
        {
            int count = (int)Math.Min(_buffer.Length, total - _position);
            for (int i = 0; i < count; i++) _buffer[i] = Pattern(_position + i, seed);
            if (count > 0 && !Stream.TryWrite(_buffer.AsSpan(0, count), out count)) break;
            _position += count;
            if (_position < total) continue;
            _done = true;
            Stream.CompleteWrites();
        }

        if (Stream.TryClaimActivity()) session.HandleStreamActivity(now, Stream);
    }
}
