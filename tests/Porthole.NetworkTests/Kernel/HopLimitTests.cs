using System.Net;
using System.Net.Sockets;
using Porthole.Lab.Kernel;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.NetworkTests.Kernel;

/// <summary>How far datagrams with a hop limit go: two routers stand between a host of a site and the server, its own and the hub.</summary>
public sealed class HopLimitTests
{
    private const int Routers = 2;
    private const int Port = 7_000;

    [RootTheory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void A_datagram_passes_as_many_routers_as_its_limit_allows_and_the_next_is_not_limited(bool portable, bool ipv6)
    {
        using var lab = new KernelLab();
        var host = lab.AddSite(KernelNatKind.PortRestricted).AddHost("inside");
        var (any, server) = ipv6 ? (IPAddress.IPv6Any, lab.Server.Address6!) : (IPAddress.Any, lab.Server.Address);
        using var receiver = lab.Server.Namespace.Invoke(() => new Socket(any.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 });
        receiver.Bind(new IPEndPoint(any, Port));
        var local = TransportAddress.From(ipv6 ? host.Address6! : host.Address, 0);
        var network = new RealNetwork { Portable = portable };
        var socket = host.Namespace.Invoke(() => network.Open(new SocketRequest.UdpBind(new SocketId(1), local), new IgnoringInbox()));
        var remote = TransportAddress.From(server, Port);

        byte[] received = new byte[100];
        for (byte limit = 1; limit <= Routers; limit++) socket.Send(remote, [limit, limit, limit], 1, limit);
        socket.Send(remote, [10, 11], 1);
        Assert.Equal((1, 10), (receiver.Receive(received), received[0]));
        Assert.Equal((1, 11), (receiver.Receive(received), received[0]));
        socket.Send(remote, [12, 13], 1, Routers + 1);
        Assert.Equal((1, 12), (receiver.Receive(received), received[0]));
        Assert.Equal((1, 13), (receiver.Receive(received), received[0]));
        socket.Close(abortive: false);
    }

    private sealed class IgnoringInbox : ISocketInbox
    {
        public Runtime.InstantClock Clock { get; } = new(TimeProvider.System);

        public SocketId NextAcceptedId() => throw new NotSupportedException();

        public bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote) => false;

        public void Deliver(ReceiveBatch batch) => batch.Release();

        public void Deliver(SocketEvent socketEvent)
        {
        }
    }
}
