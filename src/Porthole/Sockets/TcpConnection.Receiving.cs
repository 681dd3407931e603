using System.Buffers;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Protocol.Stun;

namespace Porthole.Sockets;

internal sealed partial class TcpConnection
{
    private readonly SemaphoreSlim _quota = MessageBuffers.CreateQuota();

    // What came behind the last whole message: the first bytes of the next read.
    private byte[] _rest = [];
    private int _restLength;

    private async Task<SocketEvent.Failed> ReceiveAllAsync(Socket socket, TransportAddress remote)
    {
        bool hasMore = false;
        try
        {
            while (true)
            {
                // Ask for nothing first: an idle connection then holds no buffer.
                if (!hasMore) await socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
                var batch = await MessageBuffers.Stream.RentAsync(_quota, _aborting.Token).ConfigureAwait(false);
                int length = TakeRest(batch.Memory.Span), received = 0;
                try
                {
                    if (!hasMore) received = await socket.ReceiveAsync(batch.Memory[length..], SocketFlags.None).ConfigureAwait(false);
                }
                catch
                {
                    batch.Release();
                    throw;
                }

                bool isEnd = received == 0 && !hasMore;
                var status = Split(batch, length + received, remote);
                hasMore = batch.Room == 0;
                if (batch.Count > 0 && !IsClosing) inbox.Deliver(batch);
                else batch.Release();
                if (isEnd) return Failed(SocketFailure.Closed, "the other side closed the connection");
                if (status == StunFrameStatus.Broken) return Failed(SocketFailure.Protocol, "the other side sends what is no message");
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return Failed(SocketFailure.Closed, _isCut ? "the other side took nothing for too long" : "the connection broke");
        }
        finally
        {
            TakeRest(default);
        }
    }

    /// <summary>Notes every whole message, and keeps what comes behind the last.</summary>
    private StunFrameStatus Split(ReceiveBatch batch, int length, TransportAddress remote)
    {
        int start = 0;
        var status = StunFrameStatus.Complete;
        while (batch.Room > 0)
        {
            status = MessageFrames.Find(framing, batch.Memory.Span[start..length], out int offset, out int size);
            if (status != StunFrameStatus.Complete) break;
            if (size > 0) batch.Add(new ReceivedDatagram(id, remote, start + offset, size));
            start += offset + size;
        }

        KeepRest(batch.Memory.Span[start..length]);
        return status;
    }

    private void KeepRest(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty) return;
        _rest = ArrayPool<byte>.Shared.Rent(rest.Length);
        _restLength = rest.Length;
        rest.CopyTo(_rest);
    }

    /// <summary>Moves what was kept into a buffer, or nowhere.</summary>
    /// <returns>How many bytes it was.</returns>
    private int TakeRest(Span<byte> buffer)
    {
        int length = _restLength;
        if (length == 0) return 0;
        if (!buffer.IsEmpty) _rest.AsSpan(0, length).CopyTo(buffer);
        ArrayPool<byte>.Shared.Return(_rest);
        (_rest, _restLength) = ([], 0);
        return length;
    }

    private SocketEvent.Failed Failed(SocketFailure reason, string detail) => new(id, reason, detail);
}
