using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;

namespace Porthole.Http;

/// <summary>A stream on which HTTP is spoken, as a client sees it: it says in one line what is wrong when the other end speaks something else.</summary>
internal sealed class HttpPeerStream(PeerStream stream, PeerTarget target) : Stream
{
    // The first byte of a preamble is a length, which no answer of HTTP/1.1 ('H') and no first frame of HTTP/2 (zero) begins with.
    private static readonly byte s_echo = StreamPreamble.Write(StreamPreamble.Http)[0];

    private bool _hasRead;

    public override bool CanRead => stream.CanRead;

    public override bool CanWrite => stream.CanWrite;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            int read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (_hasRead || read == 0) return read;
            _hasRead = true;
            return buffer.Span[0] != s_echo ? read : throw WrongProgram("sends back what it gets, as 'porthole listen' does", null);
        }
        catch (PeerException exception) when (exception.Code == StreamRouter.NotServed)
        {
            throw NotServed(exception);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await stream.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (PeerException exception) when (exception.Error == PeerError.StreamAborted && stream.Inner.ResetCode is null)
        {
            // A server that has answered need not hear the rest. Its answer is still to be read; if there is none, reading says so.
        }
        catch (PeerException exception) when (exception.Code == StreamRouter.NotServed)
        {
            throw NotServed(exception);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    public override void Flush() => stream.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => stream.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) stream.Dispose();
        base.Dispose(disposing);
    }

    private PeerException NotServed(PeerException exception) => WrongProgram("serves no HTTP", exception);

    private PeerException WrongProgram(string what, PeerException? inner) => new(
        PeerError.StreamAborted, $"{target} {what}: a web application with builder.WebHost.UsePorthole() must run there.", inner) { Code = inner?.Code };
}
