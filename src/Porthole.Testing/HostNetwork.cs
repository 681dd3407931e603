using System.Collections.Immutable;
using Porthole.Lab;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Testing;

/// <summary>
/// One simulated host as the network of a real node. In the simulation a machine runs there that decides nothing: what the node asks for it asks of the simulation, and
/// what happens to it it passes on.
/// </summary>
internal sealed class HostNetwork : INetwork
{
    private readonly Lock _gate = new();
    private readonly Relay _relay;
    private readonly SimulatedMachine _running;
    private ImmutableArray<Action<ImmutableArray<TransportAddress>>> _watchers = [];
    private (ImmutableArray<TransportAddress> Local, ImmutableArray<TransportAddress> Gateways) _addresses;

    /// <summary>On the pump's thread.</summary>
    public HostNetwork(PortholeTestNetwork owner, SimulationPump pump, SimulatedHost host)
    {
        (Owner, Pump, Host) = (owner, pump, host);
        _addresses = (host.Addresses, host.Gateways);
        _relay = new Relay(this);
        _running = host.Run(_relay);
    }

    public PortholeTestNetwork Owner { get; }

    public SimulationPump Pump { get; }

    public SimulatedHost Host { get; }

    public ImmutableArray<TransportAddress> LocalAddresses
    {
        get
        {
            lock (_gate) return _addresses.Local;
        }
    }

    public ImmutableArray<TransportAddress> Gateways
    {
        get
        {
            lock (_gate) return _addresses.Gateways;
        }
    }

    public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed)
    {
        lock (_gate) _watchers = _watchers.Add(changed);
        return new Watch(this, changed);
    }

    public INetworkSocket Open(SocketRequest request, ISocketInbox inbox)
    {
        var socket = new HostSocket(this, request.Socket, inbox, isDatagram: request is SocketRequest.UdpBind);
        if (Pump.Post(() => _relay.Open(socket, request))) return socket;
        return FailedSocket.Report(request.Socket, SocketFailure.Unreachable, "the test network was disposed", inbox);
    }

    /// <summary>Sends what a socket was given. On the pump's thread.</summary>
    public void Send(HostSocket socket, TransportAddress remote, ReadOnlyMemory<byte> bytes, int segmentSize, int hopLimit) =>
        _relay.Send(socket, remote, bytes, segmentSize, hopLimit);

    /// <summary>Closes a socket. On the pump's thread.</summary>
    public void Close(HostSocket socket, bool abortive) => _relay.Close(socket, abortive);

    private void Change(SocketEvent.NetworkChanged changed)
    {
        ImmutableArray<Action<ImmutableArray<TransportAddress>>> watchers;
        lock (_gate) (_addresses, watchers) = ((changed.Addresses, changed.Gateways), _watchers);
        foreach (var watcher in watchers) watcher(changed.Addresses);
    }

    private void Forget(Action<ImmutableArray<TransportAddress>> changed)
    {
        lock (_gate) _watchers = _watchers.Remove(changed);
    }

    private sealed class Watch(HostNetwork network, Action<ImmutableArray<TransportAddress>> changed) : IDisposable
    {
        public void Dispose() => network.Forget(changed);
    }

    /// <summary>The machine in the simulation. Its sockets have numbers of its own, for several nodes may use one host, one after the other or at once.</summary>
    private sealed class Relay(HostNetwork network) : ISocketUser
    {
        private readonly Dictionary<SocketId, HostSocket> _sockets = [];
        private readonly Queue<SocketRequest> _requests = new();
        private (HostSocket Socket, TransportAddress Remote, ReadOnlyMemory<byte> Bytes, int SegmentSize, int HopLimit)? _outgoing;
        private int _lastNumber;

        public Instant? NextDeadline => null;

        public void Open(HostSocket socket, SocketRequest request)
        {
            if (socket.IsClosing) return; // given up before the simulation heard of it
            Add(socket, new SocketId(++_lastNumber));
            var numbered = request with { Socket = socket.Number };
            if (numbered is SocketRequest.TcpConnect connect) numbered = connect with { NotBefore = network.Pump.Simulation.Now + (connect.NotBefore - socket.Inbox.Clock.Now) };
            Ask(numbered);
        }

        public void Send(HostSocket socket, TransportAddress remote, ReadOnlyMemory<byte> bytes, int segmentSize, int hopLimit)
        {
            if (!_sockets.ContainsKey(socket.Number)) return;
            _outgoing = (socket, remote, bytes, segmentSize, hopLimit);
            network._running.Drain();
        }

        public void Close(HostSocket socket, bool abortive)
        {
            if (_sockets.Remove(socket.Number)) Ask(new SocketRequest.Close(socket.Number, abortive));
        }

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
            foreach (ref readonly var datagram in batch.Datagrams)
            {
                if (_sockets.TryGetValue(datagram.Socket, out var socket)) socket.Receive(datagram.Remote, batch.Bytes(datagram));
            }
        }

        public void HandleDeadline(Instant now)
        {
            // It waits for nothing.
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
        {
            if (_outgoing is not { Bytes.IsEmpty: false } outgoing) return false;
            writer.Begin(outgoing.Socket.Number, outgoing.Remote, outgoing.HopLimit);
            var rest = outgoing.Bytes;
            while (!rest.IsEmpty && writer.TryReserve(Math.Min(rest.Length, outgoing.SegmentSize), out var segment))
            {
                rest.Span[..segment.Length].CopyTo(segment);
                rest = rest[segment.Length..];
                writer.Commit(segment.Length);
            }

            _outgoing = outgoing with { Bytes = rest };
            return true;
        }

        public bool TryTakeSocketRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
            switch (socketEvent)
            {
                case SocketEvent.NetworkChanged changed:
                    network.Change(changed);
                    break;
                case SocketEvent.Accepted accepted:
                    Accept(accepted);
                    break;
                case SocketEvent.Opened opened when _sockets.TryGetValue(opened.Socket, out var socket):
                    socket.Deliver(opened with { Socket = socket.Id });
                    break;
                case SocketEvent.Failed failed when _sockets.Remove(failed.Socket, out var socket):
                    socket.Deliver(failed with { Socket = socket.Id });
                    break;
                case SocketEvent.Unreachable unreachable when _sockets.TryGetValue(unreachable.Socket, out var socket):
                    socket.Deliver(unreachable with { Socket = socket.Id });
                    break;
                case SocketEvent.Congested congested when _sockets.TryGetValue(congested.Socket, out var socket):
                    socket.SetCongested(true);
                    break;
                case SocketEvent.Writable writable when _sockets.TryGetValue(writable.Socket, out var socket):
                    socket.SetCongested(false);
                    break;
            }
        }

        private void Accept(SocketEvent.Accepted accepted)
        {
            if (_sockets.TryGetValue(accepted.Listener, out var listener))
            {
                var socket = new HostSocket(network, listener.Inbox.NextAcceptedId(), listener.Inbox, isDatagram: false);
                Add(socket, accepted.Socket);
                if (listener.Inbox.Accept(listener.Id, socket, accepted.Remote)) return;
                _sockets.Remove(accepted.Socket);
            }

            _requests.Enqueue(new SocketRequest.Close(accepted.Socket, Abortive: true));
        }

        private void Add(HostSocket socket, SocketId number)
        {
            socket.Number = number;
            _sockets.Add(number, socket);
        }

        private void Ask(SocketRequest request)
        {
            _requests.Enqueue(request);
            network._running.Drain();
        }
    }
}
