using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class RelayTests
{
    private static readonly SessionId s_session = new(42);
    private static readonly byte[] s_packet = new byte[1_000];

    [Fact]
    public void Frames_go_between_the_two_connections_of_their_session_and_nowhere_else()
    {
        var router = new RelayRouter();
        var (alice, bob, eve) = (new SocketId(-1), new SocketId(-2), new SocketId(-3));
        var (aliceCounter, bobCounter) = (new RelayCounter(), new RelayCounter());
        router.Add(s_session, alice, aliceCounter, bob, bobCounter);
        byte[] frame = Frame(s_session, 7);

        Assert.True(router.TryRoute(alice, frame, out var to));
        Assert.Equal(bob, to);
        Assert.True(router.TryRoute(bob, frame, out to));
        Assert.Equal(alice, to);
        Assert.False(router.TryRoute(eve, frame, out _));
        Assert.False(router.TryRoute(alice, Frame(new SessionId(43), 7), out _));
        Assert.Equal((1, 10, 1), (aliceCounter.Frames, aliceCounter.Bytes, bobCounter.Frames));

        router.Remove(s_session, alice, bob);
        Assert.False(router.TryRoute(alice, frame, out _));
        Assert.Equal(0, router.Count);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(16_375, true)]
    [InlineData(16_376, false)]
    public void A_frame_has_a_packet_of_a_sane_size(int size, bool isFrame)
    {
        byte[] frame = Frame(s_session, new byte[size]);
        Assert.Equal(isFrame, RelayFrame.TryParse(frame, out var session, out var packet));
        if (isFrame) Assert.Equal((s_session, size), (session, packet.Length));
    }

    [Fact]
    public void Every_truncation_and_another_kind_is_no_frame()
    {
        byte[] frame = Frame(s_session, 1);
        for (int length = 0; length < frame.Length; length++) Assert.False(RelayFrame.TryParse(frame.AsSpan(0, length), out _, out _));
        frame[0] = (byte)MainMessageKind.Control;
        Assert.False(RelayFrame.TryReadSession(frame, out _));
        Assert.False(RelayFrame.TryReadSession(Frame(default, 1), out _));
    }

    [Fact]
    public void Control_goes_before_relay_data()
    {
        var queue = new RelayQueue();
        byte[] buffer = new byte[2_000];
        Assert.Equal(RelayQueueResult.QueuedFirst, queue.EnqueueRelay(Instant.Zero, s_packet));
        Assert.Equal(RelayQueueResult.Queued, queue.EnqueueControl(new byte[5]));
        Assert.True(queue.TryDequeue(buffer, out int length));
        Assert.Equal(5, length);
        Assert.True(queue.TryDequeue(buffer, out length));
        Assert.Equal(1_000, length);
        Assert.True(queue.IsEmpty);
        Assert.False(queue.TryDequeue(buffer, out _));
        Assert.Equal(RelayQueueResult.QueuedFirst, queue.EnqueueControl(new byte[5]));
    }

    [Fact]
    public void At_most_64_kB_of_relay_data_wait()
    {
        var queue = new RelayQueue();
        for (int i = 0; i < 65; i++) Assert.NotEqual(RelayQueueResult.Dropped, queue.EnqueueRelay(Instant.Zero, s_packet));
        Assert.NotEqual(RelayQueueResult.Dropped, queue.EnqueueRelay(Instant.Zero, new byte[536])); // 65,536 in all
        Assert.Equal(RelayQueueResult.Dropped, queue.EnqueueRelay(Instant.Zero, new byte[1]));
        Assert.Equal(1, queue.DroppedFrames);
        Assert.Equal(RelayQueueResult.Queued, queue.EnqueueControl(s_packet)); // control is not data
    }

    [Fact]
    public void Nothing_joins_a_queue_that_has_not_moved_for_50_ms()
    {
        var queue = new RelayQueue();
        queue.EnqueueRelay(Instant.Zero, s_packet);
        Assert.Equal(RelayQueueResult.Queued, queue.EnqueueRelay(Instant.FromMilliseconds(50), s_packet));
        Assert.Equal(RelayQueueResult.Dropped, queue.EnqueueRelay(Instant.FromMilliseconds(50.1), s_packet));
        queue.TryDequeue(new byte[1_000], out _); // it moves again
        Assert.Equal(RelayQueueResult.Queued, queue.EnqueueRelay(Instant.FromMilliseconds(60), s_packet));
    }

    [Fact]
    public void Control_that_nobody_reads_has_an_end()
    {
        var queue = new RelayQueue();
        for (int i = 0; i < 256; i++) Assert.NotEqual(RelayQueueResult.Dropped, queue.EnqueueControl(new byte[1_024]));
        Assert.Equal(RelayQueueResult.Dropped, queue.EnqueueControl(new byte[1]));
    }

    [Fact]
    public void Too_little_room_takes_nothing_out()
    {
        var queue = new RelayQueue();
        queue.EnqueueRelay(Instant.Zero, s_packet);
        Assert.False(queue.TryDequeue(new byte[999], out _));
        Assert.Equal(1_000, queue.PeekLength());
    }

    [Fact]
    public void A_slow_receiver_loses_data_and_still_gets_control_first()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        world.Tell(bob, new SocketEvent.Congested(bob.AcceptedSocket));
        for (int i = 0; i < 100; i++) alice.SendRelay(session, new byte[1_000]);
        alice.Do((machine, now) => machine.Restart(now, session, 0));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(bob.Relayed);
        Assert.Empty(bob.Events<RendezvousEvent.Restarted>());

        world.Tell(bob, new SocketEvent.Writable(bob.AcceptedSocket));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(RelayQueue.MaxRelayBytes / 1_009, bob.Relayed.Count);
        Assert.Equal(100 - bob.Relayed.Count, world.Host.DroppedFrames);
        Assert.Single(bob.Events<RendezvousEvent.Restarted>());
        Assert.Single(world.ServerEvents.OfType<RendezvousServerEvent.RouteAdded>());
    }

    [Fact]
    public void The_route_is_gone_with_the_session()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        bob.Do((machine, now) => machine.Release(now, session));
        world.Run(TimeSpan.FromSeconds(1));
        alice.SendRelay(session, 1);
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(bob.Relayed);
        Assert.Single(world.ServerEvents.OfType<RendezvousServerEvent.RouteRemoved>());
        Assert.True(alice.Machine.IsRegistered); // a late frame is no crime
    }

    private static byte[] Frame(SessionId session, params byte[] packet)
    {
        byte[] frame = new byte[RelayFrame.HeaderSize + packet.Length];
        RelayFrame.WriteHeader(frame, session);
        packet.CopyTo(frame, RelayFrame.HeaderSize);
        return frame;
    }
}
