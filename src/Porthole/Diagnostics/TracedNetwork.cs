using System.Collections.Immutable;
using Porthole.Protocol;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Diagnostics;

/// <summary>A network that shows a trace what goes through it. Where nobody traces there is none, so tracing costs nothing then.</summary>
internal sealed class TracedNetwork(INetwork network, IPeerTrace trace) : INetwork
{
    /// <summary>The gateway's port for PCP and NAT-PMP (RFC 6887 section 19.1).</summary>
    private const int PortMappingPort = 5351;

    public ImmutableArray<TransportAddress> LocalAddresses => network.LocalAddresses;

    public ImmutableArray<TransportAddress> Gateways => network.Gateways;

    public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed) => network.WatchAddresses(changed);

    public INetworkSocket Open(SocketRequest request, ISocketInbox inbox)
    {
        var tap = new Tap(trace, request);
        if (request is SocketRequest.TcpConnect) tap.Connection(ConnectionStep.Tried);
        return new TracedSocket(network.Open(request, new TracedInbox(inbox, tap)), tap);
    }

    /// <summary>Where one socket is tapped. The ends are known when the socket is open, on another thread than those that send.</summary>
    private sealed class Tap(IPeerTrace trace, TraceCarrier carrier, TransportAddress local, TransportAddress remote)
    {
        private volatile Ends _ends = new(local, remote);

        public Tap(IPeerTrace trace, SocketRequest request)
            : this(trace, CarrierOf(request), LocalOf(request), request is SocketRequest.TcpConnect connect ? connect.Remote : default)
        {
        }

        public void Opened(TransportAddress openedLocal, TransportAddress openedRemote)
        {
            _ends = new Ends(openedLocal, openedRemote);
            if (carrier == TraceCarrier.Tcp && openedRemote != default) Connection(ConnectionStep.Opened);
        }

        public Tap Accepted(TransportAddress by)
        {
            var accepted = new Tap(trace, carrier, _ends.Local, by);
            accepted.Connection(ConnectionStep.Accepted);
            return accepted;
        }

        public void Failed(SocketFailure reason)
        {
            if (carrier == TraceCarrier.Tcp && _ends.Remote != default) Connection(ConnectionStep.Failed, reason);
        }

        public void Connection(ConnectionStep step, SocketFailure? failure = null) => trace.OnConnection(new TracedConnection(step, _ends.Local, _ends.Remote, failure));

        public void Sent(TransportAddress to, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit)
        {
            for (int start = 0; start < bytes.Length; start += segmentSize)
            {
                // Of one batch all or none are control packets: a session seals its batches itself.
                if (!TryShow(isSent: true, to, bytes[start..Math.Min(bytes.Length, start + segmentSize)], hopLimit)) return;
            }
        }

        public void Received(ReceiveBatch batch)
        {
            var datagrams = batch.Datagrams;
            foreach (ref readonly var datagram in datagrams.Datagrams) TryShow(isSent: false, datagram.Remote, datagrams.Bytes(datagram), hopLimit: 0);
        }

        private bool TryShow(bool isSent, TransportAddress other, ReadOnlySpan<byte> bytes, int hopLimit)
        {
            var ends = _ends;
            bool isServer = carrier == TraceCarrier.Server && bytes.Length > 0;
            if (!isServer && !StunReader.TryParse(bytes, out _) && other.Port != PortMappingPort) return false;
            trace.OnPacket(new TracedPacket
            {
                Carrier = carrier,
                IsSent = isSent,
                Local = ends.Local,
                Remote = ends.Remote != default ? ends.Remote : other,
                HopLimit = hopLimit,
                MainMessage = isServer ? (Protocol.Rendezvous.MainMessageKind)bytes[0] : null,
                Length = bytes.Length,
                Bytes = isServer ? default : bytes,
            });
            return true;
        }

        private static TraceCarrier CarrierOf(SocketRequest request) => request switch
        {
            SocketRequest.UdpBind => TraceCarrier.Udp,
            SocketRequest.ServerConnect => TraceCarrier.Server,
            _ => TraceCarrier.Tcp,
        };

        private static TransportAddress LocalOf(SocketRequest request) => request switch
        {
            SocketRequest.UdpBind bind => bind.Local,
            SocketRequest.TcpConnect connect => connect.Local,
            SocketRequest.TcpListen listen => listen.Local,
            _ => default,
        };

        private sealed record Ends(TransportAddress Local, TransportAddress Remote);
    }

    private sealed class TracedSocket(INetworkSocket socket, Tap tap) : INetworkSocket
    {
        public SocketId Id => socket.Id;

        public bool IsCongested => socket.IsCongested;

        public Task Closed => socket.Closed;

        public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit)
        {
            tap.Sent(remote, bytes, segmentSize, hopLimit);
            socket.Send(remote, bytes, segmentSize, hopLimit);
        }

        public void Close(bool abortive) => socket.Close(abortive);
    }

    /// <summary>The inbox of one socket, or of a listener and all that it accepts.</summary>
    private sealed class TracedInbox(ISocketInbox inbox, Tap tap) : ISocketInbox
    {
        public InstantClock Clock => inbox.Clock;

        public SocketId NextAcceptedId() => inbox.NextAcceptedId();

        public bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote) =>
            inbox.Accept(listener, new TracedSocket(socket, tap.Accepted(remote)), remote);

        public void Deliver(ReceiveBatch batch)
        {
            tap.Received(batch); // before the machine opens the packets in place
            inbox.Deliver(batch);
        }

        public void Deliver(SocketEvent socketEvent)
        {
            if (socketEvent is SocketEvent.Opened opened) tap.Opened(opened.Local, opened.Remote);
            else if (socketEvent is SocketEvent.Failed failed) tap.Failed(failed.Reason);
            inbox.Deliver(socketEvent);
        }
    }
}
