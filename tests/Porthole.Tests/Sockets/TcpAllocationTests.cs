using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>Alone, because receiving runs on threads of the pool, so that the allocations of the whole process are counted.</summary>
[Collection<Alone>]
public sealed class TcpAllocationTests
{
    private const int Rounds = 1_000;
    private const int Messages = 8;

    // The test's own waits may take a few bytes, on this and other threads; a single byte a message would be 16,000.
    private const long MostOfSender = 1_000;
    private const long MostOfAll = 8_000;

    [Fact]
    public async Task Sending_and_receiving_allocate_nothing_per_message()
    {
        CountingInbox one = new(), two = new();
        var network = new RealNetwork();
        var listener = network.Open(new SocketRequest.TcpListen(new SocketId(1), TcpHost.Loopback, Shared: true), one);
        var port = await one.Opened.Task.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken);
        var connection = network.Open(new SocketRequest.TcpConnect(new SocketId(1), TcpHost.Loopback, port, default), two);
        var accepted = await one.Accepted.Task.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken);
        await two.Opened.Task.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken);

        byte[] bytes = new byte[Messages * 1200];
        long sending = long.MaxValue, all = long.MaxValue;
        for (int i = 0; i < 40 && (sending > MostOfSender || all > MostOfAll); i++) // what goes on beside it passes
        {
            long sent = GC.GetAllocatedBytesForCurrentThread(), total = GC.GetTotalAllocatedBytes(precise: true);
            Exchange(connection, one, bytes);
            Exchange(accepted, two, bytes);
            sending = Math.Min(sending, GC.GetAllocatedBytesForCurrentThread() - sent);
            all = Math.Min(all, GC.GetTotalAllocatedBytes(precise: true) - total);
        }

        Assert.InRange(sending, 0, MostOfSender);
        Assert.InRange(all, 0, MostOfAll);
        foreach (var socket in new[] { connection, accepted, listener })
        {
            socket.Close(abortive: true);
            await socket.Closed.WaitAsync(CollectingInbox.Patience, TestContext.Current.CancellationToken);
        }
    }

    private static void Exchange(INetworkSocket socket, CountingInbox receiver, byte[] bytes)
    {
        for (int i = 0; i < Rounds; i++)
        {
            receiver.Expect(Messages);
            socket.Send(default, bytes, bytes.Length / Messages);
            Assert.True(receiver.Wait(), "Messages were lost.");
        }
    }

    private sealed class CountingInbox : TestInbox
    {
        private readonly ManualResetEventSlim _all = new();
        private int _missing;

        public TaskCompletionSource<TransportAddress> Opened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<INetworkSocket> Accepted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Expect(int messages)
        {
            _all.Reset();
            Volatile.Write(ref _missing, messages);
        }

        public bool Wait() => _all.Wait(CollectingInbox.Patience);

        public override bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote) => Accepted.TrySetResult(socket);

        public override void Deliver(ReceiveBatch batch)
        {
            int arrived = batch.Count;
            batch.Release();
            if (Interlocked.Add(ref _missing, -arrived) == 0) _all.Set();
        }

        public override void Deliver(SocketEvent socketEvent)
        {
            if (socketEvent is SocketEvent.Opened opened) Opened.TrySetResult(opened.Local);
        }
    }
}
