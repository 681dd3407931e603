using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// The tentative sockets of a network: one thread waits on all of them, and is there only while there are any. A spray opens hundreds of sockets of which one
/// at most will matter.
/// </summary>
internal sealed class TentativeUdpSockets
{
    private readonly Lock _gate = new();
    private readonly List<TentativeUdpSocket> _added = [];
    private Waker? _waker;

    /// <summary>Binds a socket.</summary>
    /// <param name="request">What to bind.</param>
    /// <param name="inbox">Where datagrams go.</param>
    /// <param name="portable">Whether to leave out what only this system can do, once there is traffic.</param>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public TentativeUdpSocket Open(SocketRequest.UdpBind request, ISocketInbox inbox, bool portable)
    {
        var socket = UdpSockets.Bind(request.Local, request.TimeToLive, request.IsMulticast);
        try
        {
            var opened = new TentativeUdpSocket(request.Socket, socket, this, inbox, portable);
            inbox.Deliver(new SocketEvent.Opened(request.Socket, opened.Local, default));
            Add(opened);
            return opened;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Lets the thread look for sockets that came or are to go.</summary>
    public void Wake()
    {
        lock (_gate) _waker?.Wake();
    }

    private void Add(TentativeUdpSocket socket)
    {
        lock (_gate)
        {
            if (_waker is null)
            {
                _waker = new Waker();
                new Thread(Run, UdpSocket.StackSize) { IsBackground = true, Name = "porthole udp many" }.Start(_waker);
            }

            _added.Add(socket);
            _waker.Wake();
        }
    }

    private void Run(object? state)
    {
        using var waker = (Waker)state!;
        byte[] buffer = new byte[PortableUdpPort.MaxDatagram];
        var sockets = new Dictionary<Socket, TentativeUdpSocket>();
        var readable = new List<Socket>();
        while (Update(sockets))
        {
            readable.Clear();
            readable.Add(waker.Socket);
            readable.AddRange(sockets.Keys);
            Socket.Select(readable, null, null, Timeout.InfiniteTimeSpan);
            if (readable.Count == 0)
            {
                // There are errors, and nothing to read.
                foreach (var socket in sockets.Values) socket.TakeErrors();
            }

            foreach (var one in readable)
            {
                if (one == waker.Socket) waker.Rest();
                else if (!sockets[one].Receive(buffer)) sockets.Remove(one);
            }
        }
    }

    /// <summary>Takes in what was added, and lets go what is closed.</summary>
    /// <returns>False when there is nothing left to wait for: the thread ends, and the next socket begins another.</returns>
    private bool Update(Dictionary<Socket, TentativeUdpSocket> sockets)
    {
        lock (_gate)
        {
            foreach (var socket in _added) sockets.Add(socket.Socket, socket);
            _added.Clear();
        }

        // Behind that, for one that was closed at once has woken this thread no second time.
        foreach (var (key, socket) in sockets)
        {
            if (!socket.IsClosing) continue;
            sockets.Remove(key);
            socket.Dispose();
        }

        lock (_gate)
        {
            if (sockets.Count > 0 || _added.Count > 0) return true;
            _waker = null;
            return false;
        }
    }

    /// <summary>A socket that talks to itself: what wakes a thread that waits on sockets, on every system.</summary>
    private sealed class Waker : IDisposable
    {
        private bool _isAwake;

        public Waker()
        {
            Socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            Socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            Socket.Connect(Socket.LocalEndPoint!);
        }

        public Socket Socket { get; }

        /// <summary>Ends the wait, or the next one; one datagram for however many calls.</summary>
        public void Wake()
        {
            if (!Interlocked.Exchange(ref _isAwake, true)) Socket.Send([1]);
        }

        /// <summary>After a wait that it has ended.</summary>
        public void Rest()
        {
            Span<byte> one = stackalloc byte[1];
            Socket.Receive(one);
            Volatile.Write(ref _isAwake, false);
        }

        public void Dispose() => Socket.Dispose();
    }
}
