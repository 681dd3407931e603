using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Reads a stream and compares every byte with the pattern.</summary>
internal sealed class StreamSink(SessionStream stream, int seed = 0)
{
    private readonly byte[] _buffer = new byte[16_384];

    public SessionStream Stream { get; } = stream;

    public long Position { get; private set; }

    public bool IsDone { get; private set; }

    public void Pump(Instant now, PeerSession session)
    {
        while (Stream.TryRead(_buffer, out int read))
        {
            for (int i = 0; i < read; i++)
            {
                if (_buffer[i] != StreamSource.Pattern(Position + i, seed)) Assert.Fail($"{Stream}: byte {Position + i} is wrong");
            }

            Position += read;
        }

        IsDone |= Stream.EndOfStream;
        if (Stream.TryClaimActivity()) session.HandleStreamActivity(now, Stream);
    }
}
