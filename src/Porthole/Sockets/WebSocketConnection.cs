using System.Buffers;
using System.Net.WebSockets;
using System.Threading.Channels;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// A main connection, at either end: every binary message is one datagram. What is sent waits in a queue here; past a limit the machine is told that
/// the connection is congested, and told again when it is writable.
/// </summary>
/// <param name="id">Its number.</param>
/// <param name="inbox">Where messages and events go.</param>
public sealed class WebSocketConnection(SocketId id, ISocketInbox inbox) : INetworkSocket
{
    /// <summary>How much may wait unsent before the machine is told to stop: more would only add delay for what comes after.</summary>
    public const int CongestedAt = 64 * 1024;

    /// <summary>How little must wait before the machine is told to go on.</summary>
    public const int WritableAt = 32 * 1024;

    /// <summary>What a machine that does not listen may pile up before the connection is cut.</summary>
    private const int CutAt = 4 * 1024 * 1024;

    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(1);

    private readonly Channel<ArraySegment<byte>> _outgoing =
        Channel.CreateUnbounded<ArraySegment<byte>>(new UnboundedChannelOptions { SingleReader = true });

    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _aborting = new();
    private readonly SemaphoreSlim _quota = MessageBuffers.CreateQuota();
    private readonly object _gate = new();
    private int _unsent;
    private bool _congested;
    private int _isClosing;

    /// <inheritdoc/>
    public SocketId Id => id;

    /// <inheritdoc/>
    public bool IsCongested => Volatile.Read(ref _congested);

    /// <inheritdoc/>
    public Task Closed => _closed.Task;

    /// <summary>How long an orderly close may take before the connection is reset.</summary>
    internal TimeSpan CloseTimeout { get; init; } = s_closeTimeout;

    /// <summary>Cancelled when the connection is to be given up at once, before or after it was established.</summary>
    internal CancellationToken Aborting => _aborting.Token;

    /// <summary>Whether somebody called <see cref="Close"/>.</summary>
    internal bool IsClosing => Volatile.Read(ref _isClosing) != 0;

    /// <inheritdoc/>
    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
        for (; bytes.Length > 0; bytes = bytes[Math.Min(segmentSize, bytes.Length)..]) Enqueue(bytes[..Math.Min(segmentSize, bytes.Length)]);
    }

    /// <inheritdoc/>
    public void Close(bool abortive)
    {
        bool first = Interlocked.Exchange(ref _isClosing, 1) == 0;
        _outgoing.Writer.TryComplete();
        if (abortive) _aborting.Cancel();
        else if (first) _aborting.CancelAfter(CloseTimeout);
    }

    /// <summary>Carries messages over an open WebSocket until it ends. Says why it ended by an event, unless it was closed from here.</summary>
    /// <param name="webSocket">The socket; it is disposed at the end.</param>
    public async Task RunAsync(WebSocket webSocket)
    {
        ArgumentNullException.ThrowIfNull(webSocket);
        try
        {
            var sending = SendAllAsync(webSocket);
            var failure = await ReceiveAllAsync(webSocket).ConfigureAwait(false);
            bool wanted = IsClosing;
            if (!wanted) inbox.Deliver(failure); // before the other side can see that this one is gone, and tell others
            Close(abortive: !wanted);
            await sending.ConfigureAwait(false);
        }
        finally
        {
            webSocket.Dispose();
            End();
        }
    }

    /// <summary>Notes that nothing runs any more; also for a connection that never came to be.</summary>
    internal void End()
    {
        Interlocked.Exchange(ref _isClosing, 1);
        _outgoing.Writer.TryComplete();
        while (_outgoing.Reader.TryRead(out var message)) ArrayPool<byte>.Shared.Return(message.Array!);
        _closed.TrySetResult();
    }

    private void Enqueue(ReadOnlySpan<byte> message)
    {
        byte[] copy = ArrayPool<byte>.Shared.Rent(message.Length);
        message.CopyTo(copy);
        bool cut;
        lock (_gate)
        {
            _unsent += message.Length;
            cut = _unsent > CutAt;
            if (!_congested && _unsent > CongestedAt)
            {
                // Inside the lock: the sender may be done with everything before this thread goes on, and its "writable" must not come first.
                _congested = true;
                inbox.Deliver(new SocketEvent.Congested(id));
            }
        }

        if (!_outgoing.Writer.TryWrite(new ArraySegment<byte>(copy, 0, message.Length)))
        {
            ArrayPool<byte>.Shared.Return(copy);
            return;
        }

        if (cut) _aborting.Cancel();
    }

    private async Task SendAllAsync(WebSocket webSocket)
    {
        try
        {
            await foreach (var message in _outgoing.Reader.ReadAllAsync(_aborting.Token).ConfigureAwait(false))
            {
                try
                {
                    await webSocket.SendAsync(message.AsMemory(), WebSocketMessageType.Binary, endOfMessage: true, _aborting.Token).ConfigureAwait(false);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(message.Array!);
                }

                NoteSent(message.Count);
            }

            await webSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _aborting.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            webSocket.Abort(); // the receiving side sees it, and says why
        }
    }

    private void NoteSent(int bytes)
    {
        lock (_gate)
        {
            _unsent -= bytes;
            if (!_congested || _unsent > WritableAt) return;
            _congested = false;
            inbox.Deliver(new SocketEvent.Writable(id));
        }
    }

    private async Task<SocketEvent.Failed> ReceiveAllAsync(WebSocket webSocket)
    {
        try
        {
            while (true)
            {
                // Ask for nothing first: an idle connection then holds no buffer.
                var ready = await webSocket.ReceiveAsync(Memory<byte>.Empty, _aborting.Token).ConfigureAwait(false);
                if (ready.MessageType == WebSocketMessageType.Close) return Ended(webSocket);
                var batch = await MessageBuffers.Main.RentAsync(_quota, _aborting.Token).ConfigureAwait(false);
                int length = 0;
                ValueWebSocketReceiveResult received;
                do
                {
                    if (length == batch.Memory.Length) return Failed(batch, "a message is longer than any that this protocol has");
                    received = await webSocket.ReceiveAsync(batch.Memory[length..], _aborting.Token).ConfigureAwait(false);
                    length += received.Count;
                }
                while (!received.EndOfMessage && received.MessageType == WebSocketMessageType.Binary);

                if (received.MessageType == WebSocketMessageType.Close) { batch.Release(); return Ended(webSocket); }
                if (received.MessageType == WebSocketMessageType.Text) return Failed(batch, "it sends text, which a Porthole server never does");
                if (length > 0) batch.Add(new ReceivedDatagram(id, default, 0, length));
                if (length > 0) inbox.Deliver(batch);
                else batch.Release();
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            return new SocketEvent.Failed(id, SocketFailure.Closed, _unsent > CutAt ? "the other side took nothing for too long" : "the connection broke");
        }
    }

    private SocketEvent.Failed Failed(ReceiveBatch batch, string detail)
    {
        batch.Release();
        return new SocketEvent.Failed(id, SocketFailure.Protocol, detail);
    }

    private SocketEvent.Failed Ended(WebSocket webSocket) => new(
        id,
        SocketFailure.Closed,
        string.IsNullOrWhiteSpace(webSocket.CloseStatusDescription) ? "the other side closed the connection" : webSocket.CloseStatusDescription);
}
