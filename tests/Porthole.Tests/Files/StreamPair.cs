using System.IO.Pipelines;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Tests.Files;

/// <summary>Two ends of a stream in memory that breaks where a test says: after so many frames, or so many bytes, of one side.</summary>
internal sealed class StreamPair
{
    private readonly Pipe _toReceiver = new(new PipeOptions(minimumSegmentSize: 1 << 16, pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19));
    private readonly Pipe _toSender = new(new PipeOptions(minimumSegmentSize: 1 << 16, pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19));

    public StreamPair()
    {
        Sender = new End(this, _toSender.Reader, _toReceiver.Writer);
        Receiver = new End(this, _toReceiver.Reader, _toSender.Writer);
    }

    public End Sender { get; }

    public End Receiver { get; }

    /// <summary>The connection is gone for both. What was written before still arrives.</summary>
    public void Break()
    {
        Sender.IsBroken = Receiver.IsBroken = true;
        _toReceiver.Writer.Complete();
        _toSender.Writer.Complete();
    }

    /// <summary>One end.</summary>
    internal sealed class End(StreamPair pair, PipeReader reader, PipeWriter writer) : Stream
    {
        private long _frameLeft;
        private int _headerLength;
        private readonly byte[] _header = new byte[FileFrame.HeaderSize];

        public volatile bool IsBroken;

        /// <summary>After how many more whole frames of this end the stream breaks; negative for never.</summary>
        public int BreakAfterFrames { get; set; } = -1;

        /// <summary>After how many more bytes of this end the stream breaks; negative for never.</summary>
        public long BreakAfterBytes { get; set; } = -1;

        /// <summary>Whole frames that this end has written.</summary>
        public int Frames { get; private set; }

        /// <summary>Bytes of files in what this end has tried to write.</summary>
        public long ChunkBytes { get; private set; }

        /// <summary>Looks at each frame header that this end writes.</summary>
        public Action<FileFrameType>? Seen { get; set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public void CompleteWrites() => writer.Complete();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var result = await reader.ReadAsync(cancellationToken);
            if (IsBroken && result.Buffer.IsEmpty) throw Lost();
            int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
            System.Buffers.BuffersExtensions.CopyTo(result.Buffer.Slice(0, count), buffer.Span);
            reader.AdvanceTo(result.Buffer.GetPosition(count));
            return count;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (IsBroken) throw Lost();
            int allowed = Scan(buffer.Span, out bool breaks);
            try
            {
                if (allowed > 0) await writer.WriteAsync(buffer[..allowed], cancellationToken);
            }
            catch (InvalidOperationException) when (IsBroken)
            {
                throw Lost();
            }

            if (breaks) pair.Break();
            if (IsBroken) throw Lost();
        }

        /// <summary>Writes what need not be frames.</summary>
        public async ValueTask WriteRawAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => await writer.WriteAsync(bytes, cancellationToken);

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        private static PeerException Lost() => new(PeerError.Lost, "The path was cut.");

        /// <summary>Follows the frames, counts what is in them, and says how many of the bytes still go through.</summary>
        private int Scan(ReadOnlySpan<byte> bytes, out bool breaks)
        {
            int allowed = bytes.Length;
            breaks = false;
            for (int at = 0; at < bytes.Length;)
            {
                if (_frameLeft == 0)
                {
                    _header[_headerLength++] = bytes[at++];
                    if (_headerLength < FileFrame.HeaderSize) continue;
                    _headerLength = 0;
                    Assert.True(FileFrame.TryReadHeader(_header, out var type, out int length));
                    Seen?.Invoke(type);
                    _frameLeft = length;
                    if (type == FileFrameType.Chunk) ChunkBytes += length - FileLimits.HashSize;
                }
                else
                {
                    int step = (int)Math.Min(_frameLeft, bytes.Length - at);
                    at += step;
                    _frameLeft -= step;
                }

                if (_frameLeft > 0) continue;
                Frames++;
                if (BreakAfterFrames < 0 || Frames < BreakAfterFrames || breaks) continue;
                (breaks, allowed) = (true, at);
            }

            if (BreakAfterBytes >= 0 && BreakAfterBytes < allowed) (breaks, allowed) = (true, (int)BreakAfterBytes);
            if (BreakAfterBytes >= 0) BreakAfterBytes -= allowed;
            return allowed;
        }
    }
}
