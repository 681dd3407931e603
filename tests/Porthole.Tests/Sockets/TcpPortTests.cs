using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>Who may have a TCP port together with whom, and how connections come to be.</summary>
public sealed class TcpPortTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    public async Task A_listener_takes_a_connection_and_messages_cross_both_ways(string address)
    {
        await using TcpHost one = new(), two = new();
        var (_, listening) = await one.ListenAsync(TransportAddress.Parse(address));
        var (connection, local) = await two.ConnectedAsync(listening, TransportAddress.Parse(address));
        var (accepted, remote) = await one.Inbox.NextAcceptedAsync();
        one.Add(accepted);
        Assert.Equal(local, remote);
        Assert.True(accepted.Id.Value < 0);

        connection.Send(default, new byte[] { 1, 2, 3, 4, 5 }, 2); // three messages
        foreach (byte[] expected in new byte[][] { [1, 2], [3, 4], [5] }) await ExpectAsync(one, local, expected);
        accepted.Send(default, new byte[] { 6 }, 1);
        await ExpectAsync(two, listening, [6]);
    }

    [Fact]
    public async Task A_listener_and_connections_to_several_hosts_share_one_port()
    {
        await using TcpHost one = new(), two = new(), three = new();
        var (_, port) = await one.ListenAsync();
        var (_, second) = await two.ListenAsync();
        var (_, third) = await three.ListenAsync();
        Assert.Equal(port, (await one.ConnectedAsync(second, port)).Local);
        Assert.Equal(port, (await one.ConnectedAsync(third, port)).Local);
        foreach (var host in new[] { two, three }) host.Add((await host.Inbox.NextAcceptedAsync()).Socket);
        await three.ConnectedAsync(port);
        one.Add((await one.Inbox.NextAcceptedAsync()).Socket);
    }

    [Fact]
    public async Task Two_sides_that_connect_to_each_other_get_one_connection()
    {
        await using TcpHost one = new(), two = new();
        var left = TcpHost.FreePort();
        var right = TcpHost.FreePort();
        // On loopback there is no way in which the two first packets could cross but by chance: each side tries again until they do.
        var opened = await Task.WhenAll(PunchAsync(one, left, right), PunchAsync(two, right, left)).WaitAsync(CollectingInbox.Patience, Token);
        opened[0].Send(default, new byte[] { 1 }, 1);
        opened[1].Send(default, new byte[] { 2 }, 1);
        await ExpectAsync(one, right, [2]);
        await ExpectAsync(two, left, [1]);
    }

    [Fact]
    public async Task A_connection_to_itself_is_told_as_what_it_is()
    {
        await using var host = new TcpHost();
        var port = TcpHost.FreePort();
        Assert.Equal(port, (await host.ConnectedAsync(port, port)).Local);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_port_that_another_socket_listens_on_is_in_use(bool othersShare)
    {
        await using var host = new TcpHost();
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (othersShare) other.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen(1);
        Assert.Equal(SocketFailure.InUse, (await host.FailToListenAsync(TransportAddress.FromEndPoint((IPEndPoint)other.LocalEndPoint!))).Reason);
    }

    [Fact]
    public async Task A_port_of_another_shared_listener_is_in_use_even_if_both_ask_at_the_same_time()
    {
        for (int i = 0; i < 50; i++)
        {
            var port = TcpHost.FreePort();
            using var start = new Barrier(2);
            var both = await Task.WhenAll(Task.Run(Listen, Token), Task.Run(Listen, Token));
            foreach (var socket in both) socket?.Dispose();
            Assert.True(both.Count(static socket => socket is not null) <= 1);

            Socket? Listen()
            {
                start.SignalAndWait(Token);
                try
                {
                    return TcpSockets.Listen(port, shared: true);
                }
                catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
                {
                    return null;
                }
            }
        }
    }

    [Fact]
    public async Task A_foreign_address_is_named()
    {
        await using var host = new TcpHost();
        Assert.Equal(SocketFailure.AddressGone, (await host.FailToListenAsync(TransportAddress.Parse("192.0.2.1:0"))).Reason);
        host.Connect(TransportAddress.Parse("127.0.0.1:9"), TransportAddress.Parse("192.0.2.1:0"));
        Assert.Equal(SocketFailure.AddressGone, (await host.Inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
    }

    [Fact]
    public async Task A_refused_connection_says_so_and_its_port_can_be_used_again_at_once()
    {
        await using var host = new TcpHost();
        var local = TcpHost.FreePort();
        var remote = TcpHost.FreePort();
        for (int i = 0; i < 20; i++)
        {
            host.Connect(remote, local);
            Assert.Equal(SocketFailure.Refused, (await host.Inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
        }
    }

    [Fact]
    public async Task A_second_connection_between_the_same_addresses_is_in_use()
    {
        await using TcpHost one = new(), two = new();
        var (_, remote) = await two.ListenAsync();
        var (_, local) = await one.ConnectedAsync(remote);
        one.Connect(remote, local);
        Assert.Equal(SocketFailure.InUse, (await one.Inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
    }

    [Fact]
    public async Task Addresses_of_two_families_cannot_be_connected()
    {
        await using var host = new TcpHost();
        host.Connect(TransportAddress.Parse("[::1]:9"));
        Assert.Equal(SocketFailure.Unreachable, (await host.Inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
    }

    private static async Task<INetworkSocket> PunchAsync(TcpHost host, TransportAddress local, TransportAddress remote)
    {
        while (true)
        {
            var socket = host.Connect(remote, local);
            var result = await host.Inbox.NextEventAsync<SocketEvent>();
            if (result is SocketEvent.Opened) return socket;
            Assert.Equal(SocketFailure.Refused, Assert.IsType<SocketEvent.Failed>(result).Reason);
            await Task.Yield();
        }
    }

    private static async Task ExpectAsync(TcpHost host, TransportAddress remote, byte[] bytes)
    {
        var (from, datagram) = await host.Inbox.NextDatagramAsync();
        Assert.Equal(remote, from);
        Assert.Equal(bytes, datagram);
    }
}
