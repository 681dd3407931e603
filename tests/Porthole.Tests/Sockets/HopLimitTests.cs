using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

public sealed class HopLimitTests
{
    [Theory]
    [InlineData(true, "127.0.0.1:0")]
    [InlineData(false, "127.0.0.1:0")]
    [InlineData(true, "[::1]:0")]
    [InlineData(false, "[::1]:0")]
    public async Task Datagrams_that_may_pass_no_router_arrive_where_there_is_none(bool portable, string local)
    {
        var network = new RealNetwork { Portable = portable };
        var inbox = new CollectingInbox();
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), TransportAddress.Parse(local)), inbox);
        var self = (await inbox.NextEventAsync<SocketEvent.Opened>()).Local;

        socket.Send(self, new byte[] { 1 }, 1, hopLimit: 1);
        socket.Send(self, new byte[] { 2 }, 1);
        socket.Send(self, new byte[] { 3, 4, 5, 6, 7 }, 2, hopLimit: 255);
        socket.Send(self, new byte[] { 8, 9 }, 1);

        foreach (byte[] expected in new byte[][] { [1], [2], [3, 4], [5, 6], [7], [8], [9] }) Assert.Equal(expected, (await inbox.NextDatagramAsync()).Bytes);
        socket.Close(abortive: false);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken);
    }
}
