using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;
using Porthole.Tests.Sockets;

namespace Porthole.Tests.Runtime;

/// <summary>What a listener accepts is a socket of the machine like those that it asked for.</summary>
public sealed class TcpMachineTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_accepted_connection_carries_messages_and_events()
    {
        var machine = new EchoMachine();
        await using var host = Host(machine);
        using var client = await ConnectAsync(machine);
        byte[] frame = [0, 3, 1, 2, 3];
        await client.SendAsync(frame, Token);
        byte[] echo = new byte[frame.Length];
        for (int count = 0; count < echo.Length; count += await client.ReceiveAsync(echo.AsMemory(count), Token).AsTask().WaitAsync(CollectingInbox.Patience, Token)) { }
        Assert.Equal(frame, echo);

        client.Close(0);
        Assert.Equal(new SocketId(-1), await machine.Lost.Task.WaitAsync(CollectingInbox.Patience, Token));
    }

    [Fact]
    public async Task A_host_that_stops_closes_what_was_accepted()
    {
        var machine = new EchoMachine();
        var host = Host(machine);
        using var client = await ConnectAsync(machine);
        await machine.Accepted.Task.WaitAsync(CollectingInbox.Patience, Token);
        await host.DisposeAsync();
        await Assert.ThrowsAsync<SocketException>(() => client.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(CollectingInbox.Patience, Token));
        await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(machine));
    }

    [Fact]
    public async Task What_is_accepted_by_a_host_that_has_failed_is_closed()
    {
        var machine = new EchoMachine();
        var host = Host(machine);
        await machine.Opened.Task.WaitAsync(CollectingInbox.Patience, Token);
        var first = new FakeSocket(host.NextAcceptedId());
        host.Post((_, _) =>
        {
            Assert.True(host.Accept(new SocketId(1), first, default)); // behind the command that fails
            throw new InvalidOperationException("a defect");
        });
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.Completion.WaitAsync(CollectingInbox.Patience, Token));
        Assert.True(first.Closed.IsCompletedSuccessfully);
        Assert.False(host.Accept(new SocketId(1), new FakeSocket(host.NextAcceptedId()), default));
    }

    private static MachineHost<EchoMachine> Host(EchoMachine machine) =>
        new(machine, new RealNetwork(), new InstantClock(TimeProvider.System), static (_, _) => { });

    private static async Task<Socket> ConnectAsync(EchoMachine machine)
    {
        var local = await machine.Opened.Task.WaitAsync(CollectingInbox.Patience, Token);
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(local.ToEndPoint(), Token);
        return client;
    }

    /// <summary>Listens, and sends back what comes.</summary>
    private sealed class EchoMachine : ISocketUser
    {
        private readonly Queue<(SocketId Socket, byte[] Message)> _outgoing = new();
        private bool _asked;

        public TaskCompletionSource<TransportAddress> Opened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<SocketId> Accepted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<SocketId> Lost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Instant? NextDeadline => null;

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
            foreach (var datagram in batch.Datagrams) _outgoing.Enqueue((datagram.Socket, batch.Bytes(datagram).ToArray()));
        }

        public void HandleDeadline(Instant now)
        {
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
        {
            if (!_outgoing.TryDequeue(out var next)) return false;
            writer.Begin(next.Socket, default);
            Assert.True(writer.TryReserve(next.Message.Length, out var segment));
            next.Message.CopyTo(segment);
            writer.Commit(next.Message.Length);
            return true;
        }

        public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
        {
            request = _asked ? null : new SocketRequest.TcpListen(new SocketId(1), TcpHost.FreePort(), Shared: true); // which nobody is given when it is let go
            _asked = true;
            return request is not null;
        }

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
            if (socketEvent is SocketEvent.Opened opened) Opened.SetResult(opened.Local);
            if (socketEvent is SocketEvent.Accepted accepted) Accepted.TrySetResult(accepted.Socket);
            if (socketEvent is SocketEvent.Failed failed) Lost.TrySetResult(failed.Socket);
        }
    }

    private sealed class FakeSocket(SocketId id) : INetworkSocket
    {
        private readonly TaskCompletionSource _closed = new();

        public SocketId Id => id;

        public Task Closed => _closed.Task;

        public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
        {
        }

        public void Close(bool abortive) => _closed.TrySetResult();
    }
}
