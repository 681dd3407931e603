using System.Buffers;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Testing;

/// <summary>A simulated socket as a driver uses it. What it is given it hands to the pump; what arrives the pump hands to the driver's inbox.</summary>
/// <param name="network">The host it is on.</param>
/// <param name="id">The number the driver's machine knows it by.</param>
/// <param name="inbox">Where events and datagrams go.</param>
/// <param name="isDatagram">Whether it drops what there is no room for, as UDP does.</param>
internal sealed class HostSocket(HostNetwork network, SocketId id, ISocketInbox inbox, bool isDatagram) : INetworkSocket
{
    /// <summary>What may be on its way to the pump: of UDP the rest is dropped, as a system does that has a send buffer of this size; a connection says that it is full.</summary>
    private const int MaxUnsentDatagrams = 4 * 1024 * 1024, MaxUnsentMessages = 256 * 1024;

    /// <summary>Batches that wait for a machine that is behind. Datagrams beyond them are dropped, as by a receive buffer that is full.</summary>
    private const int MaxWaitingBatches = 64;

    private const int BatchSize = 32 * 1024, BatchCapacity = 32;

    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Stack<ReceiveBatch> _free = new();
    private ReceiveBatch? _filling;
    private int _filled;
    private int _waiting; // batches at the machine
    private int _unsent;
    private int _isClosing;
    private volatile bool _isCongested;

    public SocketId Id => id;

    /// <summary>Its number in the simulation.</summary>
    public SocketId Number { get; set; }

    public ISocketInbox Inbox => inbox;

    public bool IsClosing => Volatile.Read(ref _isClosing) != 0;

    public bool IsCongested => !isDatagram && (_isCongested || Volatile.Read(ref _unsent) > MaxUnsentMessages);

    public Task Closed => _closed.Task;

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
        if (IsClosing || bytes.IsEmpty || (isDatagram && Volatile.Read(ref _unsent) > MaxUnsentDatagrams)) return;
        int length = bytes.Length;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        bytes.CopyTo(buffer);
        Interlocked.Add(ref _unsent, length);
        network.Pump.Post(() =>
        {
            network.Send(this, remote, buffer.AsMemory(0, length), segmentSize, hopLimit);
            ArrayPool<byte>.Shared.Return(buffer);
            int left = Interlocked.Add(ref _unsent, -length);
            // The driver looks at what is the case when it hears of this.
            if (!isDatagram && left <= MaxUnsentMessages && left + length > MaxUnsentMessages) inbox.Deliver(new SocketEvent.Writable(id));
        });
    }

    public void Close(bool abortive)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) != 0) return;
        bool posted = network.Pump.Post(() =>
        {
            try
            {
                network.Close(this, abortive);
            }
            finally
            {
                _closed.TrySetResult();
            }
        });
        if (!posted) _closed.TrySetResult();
    }

    /// <summary>A datagram or message has arrived. On the pump's thread.</summary>
    public void Receive(TransportAddress remote, ReadOnlySpan<byte> bytes)
    {
        if (isDatagram && Volatile.Read(ref _waiting) >= MaxWaitingBatches) return;
        if (_filling is not null && (_filling.Room == 0 || bytes.Length > _filling.Memory.Length - _filled)) Deliver();
        if (_filling is null)
        {
            (_filling, _filled) = (Rent(bytes.Length), 0);
            network.Pump.NoteReceived(this);
        }

        bytes.CopyTo(_filling.Memory.Span[_filled..]);
        _filling.Add(new ReceivedDatagram(id, remote, _filled, bytes.Length));
        _filled += bytes.Length;
    }

    /// <summary>Hands over what has arrived. On the pump's thread.</summary>
    public void Deliver()
    {
        if (_filling is not { } batch) return;
        _filling = null;
        Interlocked.Increment(ref _waiting);
        inbox.Deliver(batch);
    }

    /// <summary>Hands over an event, behind what has arrived before it. On the pump's thread.</summary>
    public void Deliver(SocketEvent socketEvent)
    {
        Deliver();
        inbox.Deliver(socketEvent);
    }

    /// <summary>The simulated connection has as much unsent as it may have, or not any more. On the pump's thread.</summary>
    public void SetCongested(bool isCongested)
    {
        _isCongested = isCongested;
        inbox.Deliver(isCongested ? new SocketEvent.Congested(id) : new SocketEvent.Writable(id));
    }

    private ReceiveBatch Rent(int length)
    {
        if (length > BatchSize) return new ReceiveBatch(length, 1, _ => Interlocked.Decrement(ref _waiting));
        lock (_free) return _free.TryPop(out var batch) ? batch : new ReceiveBatch(BatchSize, BatchCapacity, Return);
    }

    private void Return(ReceiveBatch batch)
    {
        Interlocked.Decrement(ref _waiting);
        lock (_free) _free.Push(batch);
    }
}
