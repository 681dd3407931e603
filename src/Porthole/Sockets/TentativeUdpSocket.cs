using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// A UDP socket that may never hear anything: nothing but the descriptor until traffic comes, then an ordinary <see cref="UdpSocket"/> on the same
/// descriptor. What has not been read by then waits in the system's queue, so that nothing is lost and the order stays.
/// </summary>
internal sealed class TentativeUdpSocket : INetworkSocket
{
    /// <summary>The datagrams after which there is traffic: a check and its answers with every repetition are fewer.</summary>
    public const int MaxDatagrams = 32;

    /// <summary>The first bytes of STUN messages are 0 to 3 (RFC 7983 section 7). Anything else is the traffic of a path.</summary>
    private const byte LastStunByte = 3;

    private readonly PortableUdpPort _port;
    private readonly TentativeUdpSockets _owner;
    private readonly ISocketInbox _inbox;
    private readonly bool _portable;
    private readonly bool _isWatched;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private UdpSocket? _ordinary;
    private bool _isClosing;
    private int _received;

    public TentativeUdpSocket(SocketId id, Socket socket, TentativeUdpSockets owner, ISocketInbox inbox, bool portable)
    {
        (Id, Socket, _owner, _inbox, _portable) = (id, socket, owner, inbox, portable);
        _port = new PortableUdpPort(socket);
        _isWatched = !portable && LinuxErrorQueue.IsSupported && LinuxErrorQueue.TrySet(socket, true);
    }

    public SocketId Id { get; }

    /// <summary>What its owner waits on.</summary>
    public Socket Socket { get; }

    public Task Closed => _closed.Task;

    /// <summary>The address it is bound to.</summary>
    public TransportAddress Local => _port.Local;

    /// <summary>Whether nobody needs it any more: the owner then calls <see cref="Dispose"/>.</summary>
    public bool IsClosing => Volatile.Read(ref _isClosing);

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
        if (IsClosing) return;
        if (Volatile.Read(ref _ordinary) is { } ordinary)
        {
            ordinary.Send(remote, bytes, segmentSize, hopLimit);
            return;
        }

        // The hop limit of one datagram is the socket's for a moment: one that becomes ordinary just then must not take it for its own.
        lock (_gate)
        {
            if (_ordinary is null) _port.Send(remote, bytes, segmentSize, hopLimit);
            else _ordinary.Send(remote, bytes, segmentSize, hopLimit);
        }
    }

    public void Close(bool abortive)
    {
        lock (_gate)
        {
            if (_isClosing) return;
            _isClosing = true;
        }

        if (_ordinary is { } ordinary) ordinary.Close(abortive);
        else _owner.Wake();
    }

    /// <summary>Hands over one datagram that has arrived. The owner's thread calls it.</summary>
    /// <returns>False when the owner is rid of the socket: there is traffic, and the socket has a thread of its own.</returns>
    public bool Receive(Span<byte> buffer)
    {
        TakeErrors();
        if (_isWatched && !LinuxErrorQueue.HasDatagram(Socket)) return true; // errors alone had woken the thread
        int length = _port.ReceiveOne(buffer, out var remote);
        if (length == 0) return true;
        // Too few for a pool: what is copied is the length of a check.
        var batch = new ReceiveBatch(length, 1, returned: null);
        buffer[..length].CopyTo(batch.Memory.Span);
        batch.Add(new ReceivedDatagram(Id, remote, 0, length));
        bool isTraffic = ++_received >= MaxDatagrams || buffer[0] > LastStunByte;
        _inbox.Deliver(batch);
        return !isTraffic || !BecomeOrdinary();
    }

    /// <summary>Tells the machine of ICMP errors about what was sent. The owner's thread calls it.</summary>
    public void TakeErrors()
    {
        if (_isWatched) LinuxErrorQueue.Drain(Socket, Id, _inbox);
    }

    /// <summary>Releases the descriptor. The owner's thread calls it.</summary>
    public void Dispose()
    {
        Socket.Dispose();
        _closed.TrySetResult();
    }

    private bool BecomeOrdinary()
    {
        lock (_gate)
        {
            if (_isClosing) return false;
            UdpSocket ordinary;
            if (_isWatched) LinuxErrorQueue.TrySet(Socket, false); // an error must not fail a call of a socket that carries data
            try
            {
                ordinary = UdpSocket.Start(Id, Socket, _inbox, _portable);
            }
            catch (SocketException)
            {
                return false; // the system gives no larger buffers now: it stays as it is, and its owner's thread lives on
            }

            ordinary.Closed.ContinueWith(
                static (_, closed) => ((TaskCompletionSource)closed!).TrySetResult(), _closed, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            Volatile.Write(ref _ordinary, ordinary);
            return true;
        }
    }
}
