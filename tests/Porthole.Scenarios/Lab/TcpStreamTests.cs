using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab;

/// <summary>What simulated TCP connections carry, and how they end.</summary>
public sealed class TcpStreamTests
{
    private static readonly SocketId s_one = new(1), s_accepted = new(-1);

    [Fact]
    public void Messages_arrive_whole_in_both_directions_with_the_remote_address()
    {
        var (lab, alice, bob) = Connect(20);
        bob.Machine.Answer = arrival => arrival.Bytes;
        alice.Send(s_one, 1, 2, 3);
        alice.Send(s_one, 4);
        alice.Send(s_one, new byte[60_000]);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([3, 1, 60_000], bob.Machine.Received.Select(arrival => arrival.Bytes.Length));
        Assert.Equal([3, 1, 60_000], alice.Machine.Received.Select(arrival => arrival.Bytes.Length));
        Assert.All(bob.Machine.Received, arrival => Assert.Equal((s_accepted, alice.Local), (arrival.Socket, arrival.Remote)));
        Assert.All(alice.Machine.Received, arrival => Assert.Equal((s_one, bob.Local), (arrival.Socket, arrival.Remote)));
        Assert.Equal(Instant.FromMilliseconds(1020), bob.Machine.Received[0].At);
        Assert.Equal(60_004, alice.Host.Traffic.SegmentBytesSent);
    }

    [Theory]
    [InlineData(0.05, false)]
    [InlineData(0.05, true)]
    [InlineData(0.1, true)]
    [InlineData(0.2, false)]
    [InlineData(0.2, true)]
    public void Everything_arrives_once_and_in_order_through_nats_that_lose_reorder_and_duplicate(double loss, bool jitters)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            var lab = new Simulation(seed);
            var (alice, home, bob, office) = TcpTests.CreateBehindNats(lab, NatProfile.PortRestricted, NatProfile.PortRestricted);
            alice.Connect(1, TransportAddress.Parse("203.0.113.2:9000"));
            bob.Connect(1, TransportAddress.Parse("203.0.113.1:9000"));
            lab.RunFor(TimeSpan.FromSeconds(1));
            foreach (var link in (Link[])[home.Link, office.Link])
            {
                link.Up = link.Down = new LinkOptions
                {
                    Delay = TimeSpan.FromMilliseconds(10), Loss = loss / 2, Duplication = 0.01, Jitter = TimeSpan.FromMilliseconds(jitters ? 15 : 0),
                };
            }

            for (int i = 0; i < 500; i++)
            {
                alice.Send(s_one, Message(i, 1000));
                if (i % 5 == 0) bob.Send(s_one, Message(i / 5, 300));
            }

            Assert.True(lab.RunUntil(() => bob.Machine.Received.Count == 500 && alice.Machine.Received.Count == 100, TimeSpan.FromSeconds(100)));
            for (int i = 0; i < 500; i++) Assert.Equal(Message(i, 1000), bob.Machine.Received[i].Bytes);
            for (int i = 0; i < 100; i++) Assert.Equal(Message(i, 300), alice.Machine.Received[i].Bytes);
            lab.RunFor(TimeSpan.FromSeconds(100));
            Assert.Equal((500, 100), (bob.Machine.Received.Count, alice.Machine.Received.Count));
            Assert.Empty(alice.Failures.Concat(bob.Failures));
        }
    }

    [Fact]
    public void A_link_with_a_rate_is_filled_and_hardly_anything_is_sent_twice()
    {
        var (lab, alice, bob) = Connect(20);
        alice.Host.Link.Up = new LinkOptions { Delay = TimeSpan.FromMilliseconds(20), BitsPerSecond = 8_000_000 };
        for (int i = 0; i < 5_000; i++) alice.Send(s_one, Message(i, 1000));
        Assert.True(lab.RunUntil(() => bob.Machine.Received.Count == 5_000, TimeSpan.FromSeconds(8)));
        Assert.InRange(alice.Host.Traffic.SegmentBytesSent, 5_000_000, 5_500_000);
    }

    [Fact]
    public void A_writer_is_told_at_64_kB_unsent_and_again_at_32()
    {
        var (lab, alice, _) = Connect(20);
        alice.Host.Link.Up = new LinkOptions { BitsPerSecond = 8_000_000 };
        for (int i = 0; i < 100; i++) alice.Send(s_one, new byte[1000]);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([new SocketEvent.Congested(s_one), new SocketEvent.Writable(s_one)], alice.Events.TakeLast(2));
        Assert.Equal(3, alice.Events.Count());
    }

    [Fact]
    public void A_cut_that_heals_loses_nothing_and_one_that_does_not_ends_the_connection_after_a_minute()
    {
        var (lab, alice, bob) = Connect(20);
        var cut = lab.CutDirect(alice.Host, bob.Host);
        for (int i = 0; i < 50; i++) alice.Send(s_one, Message(i, 100));
        lab.RunFor(TimeSpan.FromSeconds(10));
        Assert.Empty(bob.Machine.Received);
        cut.Heal();
        lab.RunFor(TimeSpan.FromSeconds(15));
        Assert.Equal(50, bob.Machine.Received.Count);

        lab.CutDirect(alice.Host, bob.Host);
        alice.Send(s_one, 1);
        var at = lab.Now;
        lab.RunFor(TimeSpan.FromSeconds(100));
        Assert.Equal([SocketFailure.TimedOut], alice.Failures);
        Assert.Equal(at + TimeSpan.FromMinutes(1), alice.Machine.Events[^1].At);
        Assert.Empty(bob.Failures); // it has nothing to say, and so hears nothing
    }

    [Fact]
    public void A_graceful_close_delivers_what_was_sent_before_it_even_with_loss()
    {
        var (lab, alice, bob) = Connect(20);
        alice.Host.Link.Up = alice.Host.Link.Down = new LinkOptions { Delay = TimeSpan.FromMilliseconds(20), Loss = 0.2 };
        for (int i = 0; i < 200; i++) alice.Send(s_one, Message(i, 1000));
        alice.Close(s_one);
        lab.RunFor(TimeSpan.FromSeconds(100));
        Assert.Equal(200, bob.Machine.Received.Count);
        Assert.Equal([SocketFailure.Closed], bob.Failures);
        Assert.Empty(alice.Failures);
        AssertPortIsFree(lab, alice, bob);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    public void An_abortive_close_resets_the_other_side(double loss)
    {
        var (lab, alice, bob) = Connect(20);
        alice.Host.Link.Up = new LinkOptions { Delay = TimeSpan.FromMilliseconds(20), Loss = loss };
        for (int i = 0; i < 200; i++) alice.Send(s_one, Message(i, 1000));
        alice.Close(s_one, abortive: true);
        lab.RunFor(TimeSpan.FromSeconds(5));
        bob.Send(s_accepted, 1); // where the RST itself was lost, this finds out
        lab.RunFor(TimeSpan.FromSeconds(100));
        Assert.InRange(bob.Machine.Received.Count, 0, 199);
        Assert.Equal([SocketFailure.Closed], bob.Failures);
        AssertPortIsFree(lab, alice, bob);
    }

    [Fact]
    public void Both_sides_may_close_at_once_and_the_ports_are_free_again()
    {
        var (lab, alice, bob) = Connect(20);
        alice.Close(s_one);
        bob.Close(s_accepted);
        lab.RunFor(TimeSpan.FromSeconds(10));
        Assert.Empty(alice.Failures.Concat(bob.Failures));
        AssertPortIsFree(lab, alice, bob);
    }

    [Fact]
    public void A_connection_may_be_closed_in_the_middle_of_what_arrives()
    {
        var (lab, alice, bob) = Connect(20);
        bob.Host.Link.Down = new LinkOptions { Jitter = TimeSpan.FromMilliseconds(30) };
        bob.Machine.Answer = arrival =>
        {
            if (bob.Machine.Received.Count == 10) bob.Machine.Request(new SocketRequest.Close(s_accepted, Abortive: true));
            return null;
        };
        for (int i = 0; i < 50; i++) alice.Send(s_one, Message(i, 100));
        lab.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(10, bob.Machine.Received.Count);
        Assert.Equal([SocketFailure.Closed], alice.Failures);
    }

    [Fact]
    public void What_a_nat_has_forgotten_breaks_the_connection()
    {
        var lab = new Simulation(1);
        var nat = lab.Internet.AddNat("nat", NatProfile.PortRestricted, "203.0.113.1", link: LinkOptions.WithDelay(20));
        var alice = new TcpHost(nat.Inside.AddHost("alice", "192.168.1.10"));
        var bob = new TcpHost(lab.Internet.AddHost("bob", "203.0.113.2")).Listen();
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        nat.Nat!.Reset();
        alice.Send(s_one, 1);
        bob.Send(s_accepted, 1);
        lab.RunFor(TimeSpan.FromMinutes(2));
        Assert.Equal([SocketFailure.TimedOut], alice.Failures);
        Assert.Equal([SocketFailure.TimedOut], bob.Failures);
    }

    [Fact]
    public void Connections_that_do_not_fit_do_not_answer_each_other_for_ever()
    {
        // Each answers a SYN of the other side that the other side has forgotten: only a new attempt leads out of that.
        var (lab, alice, bob) = TcpTests.CreatePair(20);
        alice.Connect(1, bob.Local);
        bob.Connect(1, alice.Local);
        lab.RunFor(TimeSpan.FromMilliseconds(5));
        alice.Close(s_one);
        bob.Close(s_one);
        alice.Listen().Connect(2, bob.Local);
        bob.Listen().Connect(2, alice.Local);
        lab.RunFor(TimeSpan.FromSeconds(10));
        Assert.Empty(alice.Opened.Concat(bob.Opened));
        Assert.InRange(alice.Host.Traffic.SegmentsSent, 6, 20);
        alice.Close(new SocketId(2), abortive: true);
        alice.Connect(3, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal([SocketFailure.Refused], bob.Failures);
        Assert.Equal(new SocketId(3), Assert.Single(alice.Opened).Socket);
        Assert.Single(bob.Accepted);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Whatever_machines_do_nothing_throws_and_it_ends(ulong seed)
    {
        var lab = new Simulation(seed);
        var chance = new SeededEntropy(seed);
        var hosts = new List<TcpHost>();
        for (int i = 1; i <= 4; i++)
        {
            var profile = new TcpPunchSide(NatMapping.EndpointIndependent, NatFiltering.EndpointIndependent, (UnsolicitedSyn)chance.NextInt32(0, 4)).ToProfile();
            var link = new LinkOptions { Delay = TimeSpan.FromMilliseconds(5), Jitter = TimeSpan.FromMilliseconds(20), Loss = 0.1, Duplication = 0.1 };
            var nat = lab.Internet.AddNat($"nat{i}", profile with { Hairpinning = Hairpinning.ExternalSource }, $"203.0.113.{i}", link: link);
            hosts.Add(new TcpHost(nat.Inside.AddHost($"host{i}", "192.168.1.10")).Listen());
        }

        for (int i = 0; i < 3_000; i++)
        {
            var host = hosts[chance.NextInt32(0, 4)];
            var socket = new SocketId(chance.NextInt32(-20, 40));
            switch (chance.NextInt32(0, 5))
            {
                case 0:
                    if (socket.Value <= 0) break;
                    host.Close(socket, abortive: chance.NextInt32(0, 2) == 0);
                    var notBefore = lab.Now + TimeSpan.FromMilliseconds(chance.NextInt32(-50, 50));
                    host.Connect((int)socket.Value, TransportAddress.Parse($"203.0.113.{chance.NextInt32(1, 5)}:9000"), 9000 + chance.NextInt32(0, 2), notBefore);
                    break;
                case 1:
                    host.Close(socket, abortive: chance.NextInt32(0, 2) == 0);
                    break;
                default:
                    for (int n = 0; n < 10; n++) host.Send(socket, (byte)n, 1, 2, 3);
                    break;
            }

            lab.RunFor(TimeSpan.FromMilliseconds(chance.NextInt32(0, 30)));
        }

        Assert.True(hosts.Sum(host => host.Machine.Received.Count) > 100);
        foreach (var host in hosts) host.Running.Stop();
        lab.RunFor(TimeSpan.FromMinutes(5));
        long events = lab.EventCount;
        lab.RunFor(TimeSpan.FromHours(1));
        Assert.Equal(events, lab.EventCount);
    }

    private static (Simulation Lab, TcpHost Alice, TcpHost Bob) Connect(double delay)
    {
        var (lab, alice, bob) = TcpTests.CreatePair(delay);
        bob.Listen();
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        return (lab, alice, bob);
    }

    private static void AssertPortIsFree(Simulation lab, TcpHost alice, TcpHost bob)
    {
        alice.Host.Link.Up = alice.Host.Link.Down = LinkOptions.Perfect;
        alice.Connect(2, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(2, alice.Opened.Count());
    }

    private static byte[] Message(int number, int length)
    {
        byte[] bytes = new byte[length];
        BitConverter.TryWriteBytes(bytes, number);
        bytes[^1] = (byte)number;
        return bytes;
    }
}
