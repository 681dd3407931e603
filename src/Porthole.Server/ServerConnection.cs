using System.Buffers;
using System.Net.WebSockets;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;
using Porthole.Sockets;

namespace Porthole.Server;

/// <summary>
/// One client's main connection at the server. Control messages go to and come from the rendezvous machine; relay frames go straight to the other
/// client's connection. An idle connection holds no buffer and no running task but the pending receive.
/// </summary>
internal sealed class ServerConnection(SocketId id, WebSocket webSocket, ISocketInbox machine, RelayForwarder forwarder) : INetworkSocket
{
    /// <summary>How long a client may take to answer the close: who does not would hold a connection that nobody counts any more.</summary>
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(2);

    // The machine's thread, other clients' receive loops and this one's send loop meet here, each for as long as one message takes to copy.
    private readonly Lock _gate = new();
    private readonly RelayQueue _queue = new();
    private readonly SemaphoreSlim _quota = MessageBuffers.CreateQuota();
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isSending;
    private int _isClosing;

    public SocketId Id => id;

    public Task Closed => _closed.Task;

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
        for (; bytes.Length > 0; bytes = bytes[Math.Min(segmentSize, bytes.Length)..])
        {
            RelayQueueResult result;
            lock (_gate) result = _queue.EnqueueControl(bytes[..Math.Min(segmentSize, bytes.Length)]);
            if (result == RelayQueueResult.Dropped) Close(abortive: true);
            else Wake();
        }
    }

    /// <summary>Queues a relay frame, or drops it when this client does not keep up.</summary>
    public void SendRelayed(Instant now, ReadOnlySpan<byte> frame)
    {
        RelayQueueResult result;
        lock (_gate) result = _queue.EnqueueRelay(now, frame);
        if (result != RelayQueueResult.Dropped) Wake();
    }

    public void Close(bool abortive)
    {
        bool isFirst = Interlocked.Exchange(ref _isClosing, 1) == 0;
        if (abortive) _closing.Cancel();
        else if (isFirst) _closing.CancelAfter(s_closeTimeout);
        if (!abortive) Wake(); // what is queued goes out first, then the close
    }

    /// <summary>Receives until the connection ends; then tells the machine, unless the machine closed it.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var stop = stopping.UnsafeRegister(static connection => ((ServerConnection)connection!).Close(abortive: true), this);
        string detail = "the client closed the connection";
        try
        {
            while (await ReceiveAsync().ConfigureAwait(false))
            {
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            detail = "the connection broke";
        }

        if (Interlocked.Exchange(ref _isClosing, 1) == 0) machine.Deliver(new SocketEvent.Failed(id, SocketFailure.Closed, detail));
        await _closing.CancelAsync().ConfigureAwait(false);
        _closed.TrySetResult();
    }

    private async Task<bool> ReceiveAsync()
    {
        // Ask for nothing first: an idle connection then holds no buffer.
        var ready = await webSocket.ReceiveAsync(Memory<byte>.Empty, _closing.Token).ConfigureAwait(false);
        if (ready.MessageType != WebSocketMessageType.Binary) return false;
        var batch = await MessageBuffers.Main.RentAsync(_quota, _closing.Token).ConfigureAwait(false);
        bool isDelivered = false;
        try
        {
            int length = 0;
            ValueWebSocketReceiveResult received;
            do
            {
                if (length == batch.Memory.Length) return false; // longer than any message of the protocol
                received = await webSocket.ReceiveAsync(batch.Memory[length..], _closing.Token).ConfigureAwait(false);
                if (received.MessageType != WebSocketMessageType.Binary) return false;
                length += received.Count;
            }
            while (!received.EndOfMessage);

            if (length == 0 || forwarder.TryForward(id, batch.Memory.Span[..length])) return true;
            batch.Add(new ReceivedDatagram(id, default, 0, length));
            isDelivered = true;
            machine.Deliver(batch);
            return true;
        }
        finally
        {
            if (!isDelivered) batch.Release();
        }
    }

    private bool HasToClose => Volatile.Read(ref _isClosing) != 0 && webSocket.State == WebSocketState.Open;

    private void Wake()
    {
        if (Interlocked.CompareExchange(ref _isSending, 1, 0) == 0) _ = SendAllAsync();
    }

    private async Task SendAllAsync()
    {
        await Task.Yield(); // the caller is the machine's thread, or another client's receive loop
        try
        {
            do
            {
                await SendQueuedAsync().ConfigureAwait(false);
                if (HasToClose)
                {
                    await webSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _closing.Token).ConfigureAwait(false);
                    return;
                }

                Interlocked.Exchange(ref _isSending, 0);
            }
            while ((!IsEmpty || HasToClose) && Interlocked.CompareExchange(ref _isSending, 1, 0) == 0);
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            webSocket.Abort(); // the receive loop sees it and reports
        }
    }

    private async Task SendQueuedAsync()
    {
        while (NextLength is > 0 and var size)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(size);
            try
            {
                // A control message may have come in front since the look at the length; then look again.
                if (TryDequeue(buffer, out int length))
                {
                    await webSocket.SendAsync(buffer.AsMemory(0, length), WebSocketMessageType.Binary, endOfMessage: true, _closing.Token).ConfigureAwait(false);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    private bool IsEmpty
    {
        get
        {
            lock (_gate) return _queue.IsEmpty;
        }
    }

    private int NextLength
    {
        get
        {
            lock (_gate) return _queue.PeekLength();
        }
    }

    private bool TryDequeue(Span<byte> destination, out int length)
    {
        lock (_gate) return _queue.TryDequeue(destination, out length);
    }
}
