using System.Diagnostics;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>Alone, because it counts the threads and descriptors of the whole process.</summary>
[Collection<Alone>]
public sealed class TentativeUdpSocketTests
{
    private const int Many = 256;
    private const string Threads = "porthole udp";

    private static readonly TransportAddress s_loopback = TransportAddress.Parse("127.0.0.1:0");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Many_share_a_thread_and_take_little_memory_and_leave_nothing(bool portable)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads and descriptors are counted in /proc.");
        var network = new RealNetwork { Portable = portable };
        await OpenAndCloseAsync(network, 1); // what is loaded once
        Assert.True(SpinWait.SpinUntil(static () => OwnProcess.Threads(Threads) == 0, CollectingInbox.Patience));
        int before = OwnProcess.Sockets();
        await OpenAndCloseAsync(network, Many, () => Assert.True(SpinWait.SpinUntil(static () => OwnProcess.Threads(Threads) == 1, CollectingInbox.Patience))); // it names itself when it runs
        Assert.True(SpinWait.SpinUntil(() => OwnProcess.Threads(Threads) == 0 && OwnProcess.Sockets() <= before, CollectingInbox.Patience)); // others of before may end, too
    }

    [Theory]
    [InlineData(true, 0, TentativeUdpSocket.MaxDatagrams)]
    [InlineData(false, 3, TentativeUdpSocket.MaxDatagrams)]
    [InlineData(true, 4, 1)]
    [InlineData(false, 255, 1)]
    public async Task One_with_traffic_becomes_ordinary_and_nothing_is_lost_or_out_of_order(bool portable, byte first, int datagramsBefore)
    {
        const int Datagrams = 2_000;
        var network = new RealNetwork { Portable = portable };
        CollectingInbox left = new(), right = new();
        var sender = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback), left);
        var receiver = network.Open(new SocketRequest.UdpBind(new SocketId(2), TcpHost.FreePort()) { IsTentative = true }, right);
        var from = (await left.NextEventAsync<SocketEvent.Opened>()).Local;
        var to = (await right.NextEventAsync<SocketEvent.Opened>()).Local;

        byte[] bytes = [first, 0, 0];
        for (int i = 0; i < datagramsBefore - 1; i++) sender.Send(to, bytes, 3);
        for (int i = 0; i < datagramsBefore - 1; i++) Assert.Equal((from, 3), (await right.NextDatagramAsync()) is var (remote, datagram) ? (remote, datagram.Length) : default);
        if (OperatingSystem.IsLinux()) Assert.True(SpinWait.SpinUntil(() => OwnProcess.Threads(Threads) == 2, CollectingInbox.Patience)); // those of the test before may still be listed

        for (int i = 0; i < Datagrams; i++)
        {
            (bytes[1], bytes[2]) = ((byte)i, (byte)(i >> 8));
            sender.Send(to, bytes, 3);
            if (i % 20 == 0) receiver.Send(from, bytes, 3);
            if (i % 50 == 49) Assert.True(SpinWait.SpinUntil(() => right.Datagrams > i - 50, CollectingInbox.Patience)); // the system's queue holds some 250
        }

        for (int i = 0; i < Datagrams; i++) Assert.Equal([first, (byte)i, (byte)(i >> 8)], (await right.NextDatagramAsync()).Bytes);
        for (int i = 0; i < Datagrams; i += 20) Assert.Equal([first, (byte)i, (byte)(i >> 8)], (await left.NextDatagramAsync()).Bytes);
        if (OperatingSystem.IsLinux()) Assert.True(SpinWait.SpinUntil(() => OwnProcess.Threads(Threads) == 2, CollectingInbox.Patience)); // its own in place of the shared one

        await CloseAsync(sender, receiver);
        var again = network.Open(new SocketRequest.UdpBind(new SocketId(3), to), right);
        Assert.Equal(to, (await right.NextEventAsync<SocketEvent.Opened>()).Local);
        await CloseAsync(again);
    }

    [Fact]
    public async Task One_that_is_closed_at_once_is_let_go()
    {
        var network = new RealNetwork();
        var kept = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback) { IsTentative = true }, new CollectingInbox());
        for (int i = 0; i < 2_000; i++) await CloseAsync(network.Open(new SocketRequest.UdpBind(new SocketId(2), s_loopback) { IsTentative = true }, new CollectingInbox()));
        await CloseAsync(kept);
    }

    [Fact]
    public async Task Every_one_of_many_is_heard()
    {
        var network = new RealNetwork();
        CollectingInbox left = new(), right = new();
        var sender = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback), left);
        var sockets = Enumerable.Range(2, Many).Select(id => network.Open(new SocketRequest.UdpBind(new SocketId(id), s_loopback) { IsTentative = true }, right)).ToArray();
        for (int i = 0; i < Many; i++) sender.Send((await right.NextEventAsync<SocketEvent.Opened>()).Local, new byte[] { 0, (byte)i }, 2);
        var heard = new HashSet<byte>();
        for (int i = 0; i < Many; i++) heard.Add((await right.NextDatagramAsync()).Bytes[1]);
        Assert.Equal(Many, heard.Count);
        await CloseAsync([sender, .. sockets]);
    }

    [Fact]
    public async Task Empty_and_oversized_datagrams_stop_nobody()
    {
        var network = new RealNetwork();
        var inbox = new CollectingInbox();
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback) { IsTentative = true }, inbox);
        var self = (await inbox.NextEventAsync<SocketEvent.Opened>()).Local;
        using var raw = new System.Net.Sockets.Socket(self.Family, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        raw.SendTo([], self.ToEndPoint());
        raw.SendTo(new byte[60_000], self.ToEndPoint());
        raw.SendTo([1], self.ToEndPoint());
        Assert.Equal([1], (await inbox.NextDatagramAsync()).Bytes);
        await CloseAsync(socket);
    }

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    public async Task A_closed_port_is_told_and_the_socket_goes_on(string address)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems do not tell.");
        var loopback = TransportAddress.Parse(address);
        var network = new RealNetwork();
        CollectingInbox left = new(), right = new();
        var closed = loopback.WithPort((ushort)FreePorts.Next());
        var other = network.Open(new SocketRequest.UdpBind(new SocketId(2), loopback), left);
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(3), loopback) { IsTentative = true }, right);
        var (to, self) = ((await left.NextEventAsync<SocketEvent.Opened>()).Local, (await right.NextEventAsync<SocketEvent.Opened>()).Local);
        for (byte i = 0; i < 20; i++)
        {
            socket.Send(closed, new byte[] { 0, i }, 2);
            socket.Send(to, new byte[] { 0, i }, 2); // an error may wait by now, and costs nothing
            other.Send(self, new byte[] { 1, i }, 2);
            Assert.Equal([0, i], (await left.NextDatagramAsync()).Bytes);
            Assert.Equal([1, i], (await right.NextDatagramAsync()).Bytes);
            Assert.Equal(new SocketEvent.Unreachable(new SocketId(3), closed), await right.NextEventAsync<SocketEvent>());
        }

        // Once there is traffic nobody is told, and nothing fails.
        other.Send(self, new byte[] { 64 }, 1);
        Assert.Equal([64], (await right.NextDatagramAsync()).Bytes);
        Assert.True(SpinWait.SpinUntil(() => OwnProcess.Threads(Threads) == 2, CollectingInbox.Patience));
        for (byte i = 0; i < 20; i++)
        {
            socket.Send(closed, new byte[] { 0, i }, 2);
            socket.Send(to, new byte[] { 64, i }, 2);
            Assert.Equal([64, i], (await left.NextDatagramAsync()).Bytes);
        }

        Assert.Equal(0, right.Events);
        await CloseAsync(other, socket);
    }

    private static async Task OpenAndCloseAsync(RealNetwork network, int count, Action? whileOpen = null)
    {
        const int BytesPerSocket = 4_096;
        var inbox = new CollectingInbox();
        var sockets = new INetworkSocket[count];
        long start = Stopwatch.GetTimestamp(), allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < count; i++) sockets[i] = network.Open(new SocketRequest.UdpBind(new SocketId(i + 1), s_loopback) { IsTentative = true }, inbox);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        TestContext.Current.SendDiagnosticMessage($"{count} sockets: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0.0} ms, {allocated / count} bytes each");
        Assert.InRange(allocated, 0, (count * BytesPerSocket) + (count == 1 ? 100_000 : 0));
        whileOpen?.Invoke();
        await CloseAsync(sockets);
    }

    private static async Task CloseAsync(params INetworkSocket[] sockets)
    {
        foreach (var socket in sockets) socket.Close(abortive: false);
        foreach (var socket in sockets) await socket.Closed.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken);
    }
}
