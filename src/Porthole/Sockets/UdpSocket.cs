using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// One UDP socket with a thread that waits on it. Received batches are handed over, not copied; when the machine is behind by all of them, the thread
/// stops reading and the system's queue takes over, so memory is bounded.
/// </summary>
internal sealed class UdpSocket : INetworkSocket
{
    /// <summary>Receiving calls into few frames; the default of 8 MB per thread is address space for nothing.</summary>
    public const int StackSize = 256 * 1024;

    /// <summary>One batch being filled, one being read, one on the way.</summary>
    private const int Batches = 3;

    private readonly IUdpPort _port;
    private readonly ISocketInbox _inbox;
    private readonly BatchPool _batches;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isClosing;

    private UdpSocket(SocketId id, IUdpPort port, ISocketInbox inbox)
    {
        (Id, _port, _inbox) = (id, port, inbox);
        _batches = new BatchPool(Batches, port.BatchBufferSize, port.BatchCapacity);
    }

    public SocketId Id { get; }

    public Task Closed => _closed.Task;

    /// <summary>Binds a socket and starts its thread.</summary>
    /// <param name="request">What to bind.</param>
    /// <param name="inbox">Where datagrams go.</param>
    /// <param name="portable">Whether to leave out what only this system can do.</param>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public static UdpSocket Open(SocketRequest.UdpBind request, ISocketInbox inbox, bool portable)
    {
        var socket = UdpSockets.Bind(request.Local, request.TimeToLive, request.IsMulticast);
        inbox.Deliver(new SocketEvent.Opened(request.Socket, TransportAddress.FromEndPoint((IPEndPoint)socket.LocalEndPoint!), default));
        return Start(request.Socket, socket, inbox, portable);
    }

    /// <summary>Starts the thread of a socket that is bound, and whose machine knows that it is open.</summary>
    /// <param name="id">The number the machine knows it by.</param>
    /// <param name="socket">The socket; from now on this object's.</param>
    /// <param name="inbox">Where datagrams go.</param>
    /// <param name="portable">Whether to leave out what only this system can do.</param>
    public static UdpSocket Start(SocketId id, Socket socket, ISocketInbox inbox, bool portable)
    {
        UdpSockets.Widen(socket);
        var port = CreatePort(socket, portable);
        var started = new UdpSocket(id, port, inbox);
        new Thread(started.ReceiveAll, StackSize) { IsBackground = true, Name = $"porthole udp {port.Local}" }.Start();
        return started;
    }

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
        if (Volatile.Read(ref _isClosing) == 0) _port.Send(remote, bytes, segmentSize, hopLimit);
    }

    public void Close(bool abortive)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) != 0) return;
        _batches.Close();
        _port.Shut();
    }

    private static IUdpPort CreatePort(Socket socket, bool portable) =>
        !portable && LinuxUdpPort.IsSupported ? new LinuxUdpPort(socket) : new PortableUdpPort(socket);

    private void ReceiveAll()
    {
        while (_batches.Rent() is { } batch && _port.Receive(batch, Id)) _inbox.Deliver(batch);
        if (Interlocked.Exchange(ref _isClosing, 1) == 0) _inbox.Deliver(new SocketEvent.Failed(Id, SocketFailure.Other, "the system closed the socket"));
        _port.Dispose();
        _closed.SetResult();
    }
}
