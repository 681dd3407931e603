using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;
using Porthole.Tests.Sockets;

namespace Porthole.Tests.Runtime;

public sealed class MachineHostTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_machines_talk_over_real_sockets()
    {
        await using var one = Host(out var left);
        await using var two = Host(out var right);
        var to = await right.Opened.Task.WaitAsync(CollectingInbox.Patience, Token);
        await left.Opened.Task.WaitAsync(CollectingInbox.Patience, Token);

        one.Post((machine, _) => machine.Send(to, 100));

        // Each answers with one byte less, until nothing is left.
        await left.Silent.Task.WaitAsync(CollectingInbox.Patience, Token);
        Assert.Equal(100, left.Received + right.Received);
    }

    [Fact]
    public async Task A_deadline_is_met_and_not_before_its_time()
    {
        await using var host = Host(out var machine);
        var (set, due) = await host.InvokeAsync((m, now) => (now, m.SetDeadline(now + TimeSpan.FromMilliseconds(20))));
        var rang = await machine.Rang.Task.WaitAsync(CollectingInbox.Patience, Token);
        Assert.True(rang >= due && due > set);
    }

    [Fact]
    public async Task With_another_clock_the_deadline_waits_for_that_clock()
    {
        var clock = new ManualTimeProvider();
        var machine = new CountdownMachine();
        await using var host = new MachineHost<CountdownMachine>(machine, new RealNetwork(clock), new InstantClock(clock), static (_, _) => { });
        var due = await host.InvokeAsync((m, now) => m.SetDeadline(now + TimeSpan.FromHours(5)));
        clock.Advance(TimeSpan.FromHours(4));
        Assert.False(await host.InvokeAsync((m, _) => m.Rang.Task.IsCompleted));
        var given = Stopwatch.StartNew();
        while (!machine.Rang.Task.IsCompleted && given.Elapsed < CollectingInbox.Patience)
        {
            clock.Advance(TimeSpan.FromHours(1)); // once, but where the host was just about to set its timer
            await Task.WhenAny(machine.Rang.Task, Task.Delay(10, Token));
        }

        Assert.True(await machine.Rang.Task.WaitAsync(CollectingInbox.Patience, Token) >= due);
    }

    [Fact]
    public async Task Commands_run_in_order_on_one_thread()
    {
        await using var host = Host(out _);
        var seen = new ConcurrentQueue<(int Number, int Thread)>();
        for (int i = 0; i < 1_000; i++)
        {
            int number = i;
            host.Post((_, _) => seen.Enqueue((number, Environment.CurrentManagedThreadId)));
        }

        await host.InvokeAsync((_, _) => 0);
        Assert.Equal(Enumerable.Range(0, 1_000), seen.Select(one => one.Number));
        Assert.Single(seen.Select(one => one.Thread).Distinct());
    }

    [Fact]
    public async Task Disposal_waits_for_the_machine_and_its_sockets_and_may_come_twice()
    {
        var host = Host(out var machine);
        var local = await machine.Opened.Task.WaitAsync(CollectingInbox.Patience, Token);
        await host.DisposeAsync();
        await host.DisposeAsync();
        Assert.True(host.Completion.IsCompletedSuccessfully);
        Assert.False(host.Post((_, _) => Assert.Fail("The machine has stopped.")));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => host.InvokeAsync((_, _) => 0));

        var inbox = new CollectingInbox();
        var again = new RealNetwork().Open(new SocketRequest.UdpBind(new SocketId(1), local), inbox);
        await inbox.NextEventAsync<SocketEvent.Opened>();
        again.Close(abortive: false);
    }

    [Fact]
    public async Task A_machine_that_throws_stops_the_host_and_its_sockets()
    {
        var host = Host(out var machine);
        await machine.Opened.Task.WaitAsync(CollectingInbox.Patience, Token);
        host.Post((_, _) => throw new InvalidOperationException("a defect"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.Completion.WaitAsync(CollectingInbox.Patience, Token));
        await host.DisposeAsync();
    }

    [Fact]
    public async Task A_caller_mistake_goes_to_the_caller_alone()
    {
        await using var host = Host(out _);
        await Assert.ThrowsAsync<ArgumentException>(() => host.InvokeAsync<int>((_, _) => throw new ArgumentException("no")));
        Assert.Equal(1, await host.InvokeAsync((_, _) => 1));
    }

    [Fact]
    public async Task An_address_change_reaches_the_machine()
    {
        var network = new ChangingNetwork();
        var machine = new CountdownMachine();
        await using var host = new MachineHost<CountdownMachine>(machine, network, new InstantClock(TimeProvider.System), static (_, _) => { });
        network.Change(TransportAddress.Parse("192.0.2.1:0"));
        Assert.Equal([TransportAddress.Parse("192.0.2.1:0")], await machine.Addresses.Task.WaitAsync(CollectingInbox.Patience, Token));
    }

    private static MachineHost<CountdownMachine> Host(out CountdownMachine machine)
    {
        machine = new CountdownMachine();
        return new MachineHost<CountdownMachine>(machine, new RealNetwork(), new InstantClock(TimeProvider.System), static (_, _) => { });
    }

    /// <summary>Answers each datagram with one that is a byte shorter.</summary>
    private sealed class CountdownMachine : ISocketUser
    {
        private static readonly SocketId s_socket = new(1);

        private readonly Queue<(TransportAddress Remote, int Length)> _outgoing = new();
        private bool _asked;

        public TaskCompletionSource<TransportAddress> Opened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<Instant> Rang { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Silent { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<ImmutableArray<TransportAddress>> Addresses { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Received { get; private set; }

        public Instant? NextDeadline { get; private set; }

        public void Send(TransportAddress remote, int length) => _outgoing.Enqueue((remote, length));

        public Instant SetDeadline(Instant at)
        {
            NextDeadline = at;
            return at;
        }

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
            foreach (var datagram in batch.Datagrams)
            {
                Received++;
                if (datagram.Length > 1) Send(datagram.Remote, datagram.Length - 1);
                if (datagram.Length <= 2) Silent.TrySetResult();
            }
        }

        public void HandleDeadline(Instant now)
        {
            NextDeadline = null;
            Rang.SetResult(now);
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
        {
            if (!_outgoing.TryDequeue(out var next)) return false;
            writer.Begin(s_socket, next.Remote);
            Assert.True(writer.TryReserve(next.Length, out var segment));
            segment.Clear();
            writer.Commit(next.Length);
            return true;
        }

        public bool TryTakeSocketRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SocketRequest? request)
        {
            request = _asked ? null : new SocketRequest.UdpBind(s_socket, TcpHost.FreePort()); // which nobody is given when it is let go
            _asked = true;
            return request is not null;
        }

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
            if (socketEvent is SocketEvent.Opened opened) Opened.SetResult(opened.Local);
            if (socketEvent is SocketEvent.NetworkChanged changed && _asked) Addresses.TrySetResult(changed.Addresses);
        }
    }

    private sealed class ChangingNetwork : INetwork
    {
        private readonly RealNetwork _real = new();
        private Action<ImmutableArray<TransportAddress>>? _changed;

        public ImmutableArray<TransportAddress> LocalAddresses => _real.LocalAddresses;

        public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed)
        {
            _changed = changed;
            return _real.WatchAddresses(static _ => { }); // of the test's own change alone
        }

        public INetworkSocket Open(SocketRequest request, ISocketInbox inbox) => _real.Open(request, inbox);

        public void Change(TransportAddress address) => _changed!([address]);
    }
}
