using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// A whole rendezvous server in one thread: the machine and the relay together, over main connections that were accepted. The simulation runs this; a
/// server on many threads composes the same parts (<see cref="RendezvousServer"/>, <see cref="RelayRouter"/>, a <see cref="RelayQueue"/> per connection) itself.
/// </summary>
/// <param name="server">The machine.</param>
/// <param name="router">The routes that the machine keeps.</param>
public sealed class RendezvousHost(RendezvousServer server, RelayRouter router) : ISocketUser
{
    private readonly Dictionary<SocketId, Receiver> _receivers = [];
    private readonly Queue<Receiver> _ready = new();

    /// <summary>The machine.</summary>
    public RendezvousServer Server { get; } = server;

    /// <summary>The routes.</summary>
    public RelayRouter Router { get; } = router;

    /// <summary>How many relay frames were dropped because their receiver was too slow.</summary>
    public long DroppedFrames { get; private set; }

    /// <inheritdoc/>
    public Instant? NextDeadline => Server.NextDeadline;

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams)
        {
            var message = batch.Bytes(datagram);
            if (message is [(byte)MainMessageKind.Relay, ..]) Forward(now, datagram.Socket, message);
            else Server.HandleMessage(now, datagram.Socket, message);
        }
    }

    /// <inheritdoc/>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Failed failed:
                Drop(failed.Socket);
                break;
            case SocketEvent.Congested congested:
                ReceiverOf(congested.Socket).IsCongested = true;
                break;
            case SocketEvent.Writable writable when _receivers.TryGetValue(writable.Socket, out var receiver):
                receiver.IsCongested = false;
                MarkReady(receiver);
                break;
        }

        Server.HandleSocketEvent(now, socketEvent);
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now) => Server.HandleDeadline(now);

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (Server.TryWrite(now, ref writer)) return true;
        while (_ready.TryPeek(out var receiver))
        {
            if (!receiver.IsCongested && receiver.Queue.PeekLength() is > 0 and var first)
            {
                writer.Begin(receiver.Socket, default);
                for (int length = first; length > 0 && writer.TryReserve(length, out var segment); length = receiver.Queue.PeekLength())
                {
                    receiver.Queue.TryDequeue(segment, out length);
                    writer.Commit(length);
                }

                return writer.Count > 0;
            }

            _ready.Dequeue();
            receiver.IsReady = false;
            if (!receiver.IsCongested) _receivers.Remove(receiver.Socket); // idle peers hold nothing
        }

        return false;
    }

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
    {
        if (!Server.TryTakeSocketRequest(out request)) return false;
        if (request is SocketRequest.Close close) Drop(close.Socket);
        return true;
    }

    private void Forward(Instant now, SocketId from, ReadOnlySpan<byte> frame)
    {
        if (!Router.TryRoute(from, frame, out var to)) return;
        var receiver = ReceiverOf(to);
        if (receiver.Queue.EnqueueRelay(now, frame) == RelayQueueResult.Dropped) DroppedFrames++;
        else MarkReady(receiver);
    }

    private void Drop(SocketId socket)
    {
        if (_receivers.Remove(socket, out var receiver)) receiver.IsCongested = true; // it may still stand in the queue of the ready
    }

    private Receiver ReceiverOf(SocketId socket)
    {
        if (!_receivers.TryGetValue(socket, out var receiver)) _receivers[socket] = receiver = new Receiver(socket);
        return receiver;
    }

    private void MarkReady(Receiver receiver)
    {
        if (receiver.IsReady) return;
        receiver.IsReady = true;
        _ready.Enqueue(receiver);
    }

    private sealed class Receiver(SocketId socket)
    {
        public SocketId Socket { get; } = socket;

        public RelayQueue Queue { get; } = new();

        public bool IsCongested { get; set; }

        public bool IsReady { get; set; }
    }
}
