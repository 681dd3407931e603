using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Scenarios.Attacks;

/// <summary>Stands between a server and its main connections: sees every message, and may change, keep, repeat or add some.</summary>
internal sealed class ServerTap(ISocketUser inner, Action<ReadOnlyMemory<byte>> inspect) : ISocketUser
{
    private readonly byte[] _buffer = new byte[DatagramBatchWriter.MaxBytes];
    private readonly Queue<(SocketId Socket, byte[] Message)> _outgoing = [];

    /// <summary>What becomes of a message from the server to a client; null leaves it alone.</summary>
    public Func<SocketId, byte[], IEnumerable<(SocketId Socket, byte[] Message)>>? Outgoing { get; set; }

    /// <summary>The relay frames that passed to each client.</summary>
    public List<(SocketId Socket, byte[] Message)> RelayFrames { get; } = [];

    public Instant? NextDeadline => inner.NextDeadline;

    public void Inject(SocketId socket, byte[] message) => _outgoing.Enqueue((socket, message));

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) inspect(batch.Bytes(datagram).ToArray());
        inner.HandleDatagrams(now, batch);
    }

    public void HandleDeadline(Instant now) => inner.HandleDeadline(now);

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent) => inner.HandleSocketEvent(now, socketEvent);

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => inner.TryTakeSocketRequest(out request);

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        while (true)
        {
            if (_outgoing.TryDequeue(out var next))
            {
                writer.Begin(next.Socket, default);
                if (!writer.TryReserve(next.Message.Length, out var segment)) return false;
                next.Message.CopyTo(segment);
                writer.Commit(next.Message.Length);
                return true;
            }

            var own = new DatagramBatchWriter(_buffer);
            if (!inner.TryWrite(now, ref own)) return false;
            for (int i = 0; i < own.Count; i++) Take(own.Socket, own.Segment(i).ToArray());
        }
    }

    private void Take(SocketId socket, byte[] message)
    {
        inspect(message);
        if (message[0] == (byte)MainMessageKind.Relay) RelayFrames.Add((socket, message));
        if (Outgoing is null) _outgoing.Enqueue((socket, message));
        else foreach (var changed in Outgoing(socket, message)) _outgoing.Enqueue(changed);
    }
}
