using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

public sealed class UdpSocketTests
{
    private static readonly TransportAddress s_loopback = TransportAddress.Parse("127.0.0.1:0");

    [Theory]
    [InlineData(true, "127.0.0.1:0")]
    [InlineData(false, "127.0.0.1:0")]
    [InlineData(true, "[::1]:0")]
    [InlineData(false, "[::1]:0")]
    public async Task Datagrams_cross_with_their_source_and_their_bounds(bool portable, string local)
    {
        var network = new RealNetwork { Portable = portable };
        CollectingInbox left = new(), right = new();
        var one = network.Open(new SocketRequest.UdpBind(new SocketId(1), TransportAddress.Parse(local)), left);
        var two = network.Open(new SocketRequest.UdpBind(new SocketId(2), TransportAddress.Parse(local)), right);
        var from = (await left.NextEventAsync<SocketEvent.Opened>()).Local;
        var to = (await right.NextEventAsync<SocketEvent.Opened>()).Local;

        byte[] bytes = new byte[5 * 1200 + 7];
        new Random(1).NextBytes(bytes);
        one.Send(to, bytes, 1200);

        for (int i = 0; i < 6; i++)
        {
            var (remote, datagram) = await right.NextDatagramAsync();
            Assert.Equal(from, remote);
            Assert.Equal(bytes.AsSpan()[(i * 1200)..Math.Min(bytes.Length, (i + 1) * 1200)].ToArray(), datagram);
        }

        two.Send(from, new byte[] { 1, 2, 3 }, 3);
        Assert.Equal([1, 2, 3], (await left.NextDatagramAsync()).Bytes);
        await CloseAsync(one, two);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Closing_ends_the_thread_and_frees_the_port(bool portable)
    {
        var network = new RealNetwork { Portable = portable };
        var inbox = new CollectingInbox();
        var local = TcpHost.FreePort();
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), local), inbox);
        Assert.Equal(local, (await inbox.NextEventAsync<SocketEvent.Opened>()).Local);

        await CloseAsync(socket);
        socket.Close(abortive: false);
        socket.Send(local, new byte[] { 1 }, 1);

        var again = network.Open(new SocketRequest.UdpBind(new SocketId(2), local), inbox);
        Assert.Equal(local, (await inbox.NextEventAsync<SocketEvent.Opened>()).Local);
        await CloseAsync(again);
    }

    [Fact]
    public async Task Closing_does_not_wait_for_a_machine_that_keeps_every_batch()
    {
        var network = new RealNetwork();
        var hoarder = new HoardingInbox();
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback), hoarder);
        var inbox = new CollectingInbox();
        var sender = network.Open(new SocketRequest.UdpBind(new SocketId(2), s_loopback), inbox);
        for (int i = 0; i < 3; i++)
        {
            sender.Send(hoarder.Local, new byte[100], 100);
            Assert.True(await hoarder.Arrived.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken));
        }

        await CloseAsync(socket, sender);
    }

    [Fact]
    public async Task A_taken_port_and_a_foreign_address_are_named()
    {
        var network = new RealNetwork();
        var inbox = new CollectingInbox();
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback), inbox);
        var local = (await inbox.NextEventAsync<SocketEvent.Opened>()).Local;

        network.Open(new SocketRequest.UdpBind(new SocketId(2), local), inbox);
        var taken = await inbox.NextEventAsync<SocketEvent.Failed>();
        Assert.Equal((new SocketId(2), SocketFailure.InUse), (taken.Socket, taken.Reason));

        network.Open(new SocketRequest.UdpBind(new SocketId(3), TransportAddress.Parse("192.0.2.1:0")), inbox);
        Assert.Equal(SocketFailure.AddressGone, (await inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
        await CloseAsync(socket);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stranger_port_that_answers_with_icmp_does_not_stop_the_socket(bool portable)
    {
        var network = new RealNetwork { Portable = portable };
        var inbox = new CollectingInbox();
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback), inbox);
        var local = (await inbox.NextEventAsync<SocketEvent.Opened>()).Local;

        for (int i = 0; i < 3; i++) socket.Send(TransportAddress.Parse("127.0.0.1:9"), new byte[] { 1 }, 1);
        socket.Send(TransportAddress.Parse("[::1]:9"), new byte[] { 1 }, 1); // another family: nothing is sent
        socket.Send(local, new byte[] { 7 }, 1);

        Assert.Equal([7], (await inbox.NextDatagramAsync()).Bytes);
        await CloseAsync(socket);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sending_and_receiving_allocate_nothing_per_packet(bool portable)
    {
        const int Rounds = 2_000;
        var network = new RealNetwork { Portable = portable };
        var inbox = new CountingInbox();
        var socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), s_loopback), inbox);
        byte[] bytes = new byte[8 * 1200];
        Exchange(socket, inbox, bytes, 200); // warm

        long sent = GC.GetAllocatedBytesForCurrentThread(), received = inbox.AllocatedByReceiver;
        Exchange(socket, inbox, bytes, Rounds);
        // The waits of the test itself may take a few bytes once; a single byte a packet would be 16,000.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - sent, 0, 1_000);
        Assert.InRange(inbox.AllocatedByReceiver - received, 0, 1_000);
        await CloseAsync(socket);
    }

    private static void Exchange(INetworkSocket socket, CountingInbox inbox, byte[] bytes, int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            inbox.Expect(8);
            socket.Send(inbox.Local, bytes, 1200);
            Assert.True(inbox.Wait(), "Packets were lost on loopback.");
        }
    }

    private static async Task CloseAsync(params INetworkSocket[] sockets)
    {
        foreach (var socket in sockets) socket.Close(abortive: false);
        foreach (var socket in sockets) await socket.Closed.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken);
    }

    private sealed class HoardingInbox : TestInbox
    {
        public SemaphoreSlim Arrived { get; } = new(0);

        public TransportAddress Local { get; private set; }

        public override void Deliver(ReceiveBatch batch) => Arrived.Release();

        public override void Deliver(SocketEvent socketEvent) => Local = ((SocketEvent.Opened)socketEvent).Local;
    }

    private sealed class CountingInbox : TestInbox
    {
        private readonly ManualResetEventSlim _all = new();
        private int _missing;

        public TransportAddress Local { get; private set; }

        public void Expect(int datagrams)
        {
            _all.Reset();
            Volatile.Write(ref _missing, datagrams);
        }

        public bool Wait() => _all.Wait(CollectingInbox.Patience);

        public long AllocatedByReceiver { get; private set; }

        public override void Deliver(ReceiveBatch batch)
        {
            AllocatedByReceiver = GC.GetAllocatedBytesForCurrentThread();
            int arrived = batch.Count;
            batch.Release();
            if (Interlocked.Add(ref _missing, -arrived) == 0) _all.Set();
        }

        public override void Deliver(SocketEvent socketEvent) => Local = ((SocketEvent.Opened)socketEvent).Local;
    }
}
