using System.Buffers;
using System.Net.Sockets;
using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>
/// Carries bytes between a TCP socket and a stream, both ways, until both directions have ended or one has failed. Half-close is kept (FIN is the end of writes), a failure ends both at both ends (RST is an abort), and a side that does
/// not read stops the side that writes. A buffer is held only while there is something in it.
/// </summary>
internal sealed class SocketStreamRelay(Socket socket, PeerStream stream)
{
    private const int BufferSize = 64 << 10;

    private long _toPeer;
    private long _fromPeer;

    /// <summary>Bytes that went to the peer.</summary>
    public long BytesToPeer => Interlocked.Read(ref _toPeer);

    /// <summary>Bytes that came from the peer.</summary>
    public long BytesFromPeer => Interlocked.Read(ref _fromPeer);

    /// <summary>Runs it.</summary>
    /// <param name="mayRead">Completes when what the peer sends may be read as the connection's bytes; what the socket sends goes on its way at once. If it fails, so does all.</param>
    /// <param name="cancellationToken">Ends both at once.</param>
    /// <returns>Why it did not end in order, in words; null if it did.</returns>
    public async Task<string?> RunAsync(Task mayRead, CancellationToken cancellationToken)
    {
        var sending = SendAsync(cancellationToken);
        var receiving = ReceiveAsync(mayRead, cancellationToken);
        string? problem = null;
        await foreach (var direction in Task.WhenEach(sending, receiving).ConfigureAwait(false))
        {
            try
            {
                await direction.ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                problem ??= exception is OperationCanceledException ? "It was given up here." : exception.Message;
                if (exception is PeerException) await mayRead.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // the peer wants no more, and says why on the other direction
                Reset(socket, stream); // wakes the other direction
            }
        }

        if (problem is null) socket.Dispose();
        await stream.DisposeAsync().ConfigureAwait(false);
        return problem;
    }

    /// <summary>Ends a connection so that both of its ends see that it did not end in order.</summary>
    public static void Reset(Socket socket, PeerStream? stream)
    {
        stream?.Abort(ForwardingCodes.Reset);
        socket.Close(0); // RST
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await socket.ReceiveAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false); // without a buffer, until there is something to read
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                do
                {
                    int count = await socket.ReceiveAsync(buffer.AsMemory(0, BufferSize), cancellationToken).ConfigureAwait(false);
                    if (count == 0)
                    {
                        stream.CompleteWrites();
                        return;
                    }

                    await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                    Interlocked.Add(ref _toPeer, count);
                }
                while (socket.Available > 0);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    private async Task ReceiveAsync(Task mayRead, CancellationToken cancellationToken)
    {
        await mayRead.ConfigureAwait(false);
        while (true)
        {
            await stream.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                do
                {
                    int count = await stream.ReadAsync(buffer.AsMemory(0, BufferSize), cancellationToken).ConfigureAwait(false);
                    if (count == 0)
                    {
                        socket.Shutdown(SocketShutdown.Send);
                        return;
                    }

                    for (int sent = 0; sent < count;) sent += await socket.SendAsync(buffer.AsMemory(sent, count - sent), cancellationToken).ConfigureAwait(false);
                    Interlocked.Add(ref _fromPeer, count);
                }
                while (stream.Inner.Readable > 0);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }
}
