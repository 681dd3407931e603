using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab;

/// <summary>Main connections in the simulation: how they open, carry, fill up and break.</summary>
public sealed class MainConnectionTests
{
    private static readonly SocketId s_listener = new(100);
    private static readonly SocketId s_main = new(7);
    private static readonly Uri s_uri = new("http://198.51.100.1:8848");

    [Fact]
    public void A_connection_opens_after_two_round_trips_and_carries_messages_in_order()
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        var accepted = Assert.IsType<SocketEvent.Accepted>(Assert.Single(world.Server.Events).Event);
        Assert.Equal((s_listener, new SocketId(-1)), (accepted.Listener, accepted.Socket));
        Assert.True(accepted.Remote.SameHost(TransportAddress.Parse("203.0.113.1:0")));
        Assert.Equal(Instant.FromMilliseconds(60), world.Server.Events[0].At);
        var (at, opened) = Assert.Single(world.Client.Events);
        Assert.Equal(Instant.FromMilliseconds(80), at);
        Assert.Equal(TransportAddress.Parse("198.51.100.1:8848"), Assert.IsType<SocketEvent.Opened>(opened).Remote);

        world.ClientHost.Link.Up = new LinkOptions { Jitter = TimeSpan.FromMilliseconds(100), Loss = 0.2 };
        for (byte i = 0; i < 100; i++) world.Send(0x02, i);
        world.Lab.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(Enumerable.Range(0, 100), world.Server.Received.Select(arrival => (int)arrival.Bytes[1]));
        Assert.All(world.Server.Received, arrival => Assert.Equal((new SocketId(-1), default(TransportAddress)), (arrival.Socket, arrival.Remote)));
        Assert.Equal(100, world.ClientHost.Traffic.MessagesSent);
    }

    [Fact]
    public void A_message_takes_one_way_and_its_answer_the_other()
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Server.Answer = arrival => arrival.Bytes;
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        world.Send(0x02, 1);
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Instant.FromMilliseconds(1020), world.Server.Received[0].At);
        Assert.Equal(Instant.FromMilliseconds(1040), world.Client.Received[0].At);
    }

    [Fact]
    public void A_server_is_reached_over_IPv6_and_by_name()
    {
        var lab = new Simulation(1);
        lab.AddName("server.example", "2001:db8:5::1");
        var server = new ScriptedMachine();
        lab.Internet.AddHost("server", "2001:db8:5::1").Run(server).Listen(8848, s_listener);
        var client = new ScriptedMachine();
        client.Request(new SocketRequest.ServerConnect(s_main, new Uri("http://server.example:8848")));
        var home = lab.Internet.AddFirewall("home", new StatefulFirewall(), "2001:db8:1::/64");
        home.Inside.AddHost("alice", "192.168.1.10, 2001:db8:1::10", LinkOptions.WithDelay(5)).Run(client);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(Assert.IsType<SocketEvent.Opened>(client.Events[0].Event).Local.SameHost(TransportAddress.Parse("[2001:db8:1::10]:0")));
        Assert.True(Assert.IsType<SocketEvent.Accepted>(server.Events[0].Event).Remote.SameHost(TransportAddress.Parse("[2001:db8:1::10]:0")));
    }

    [Theory]
    [InlineData("http://198.51.100.1:9999", SocketFailure.Refused, 40)]
    [InlineData("http://198.51.100.9:8848", SocketFailure.TimedOut, 10_000)]
    [InlineData("http://nowhere.example:8848", SocketFailure.NameNotFound, 0)]
    public void A_connection_that_cannot_be_says_why(string uri, SocketFailure reason, int milliseconds)
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Client.Request(new SocketRequest.ServerConnect(s_main, new Uri(uri)));
        world.Running.Drain();
        world.Lab.RunFor(TimeSpan.FromSeconds(20));
        Assert.Equal((Instant.FromMilliseconds(milliseconds), reason), Failure(world.Client, 0));
    }

    [Fact]
    public void A_server_that_is_killed_closes_its_connections_and_may_start_again()
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        world.ServerRunning.Stop();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((Instant.FromMilliseconds(1020), SocketFailure.Closed), Failure(world.Client, 1));
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(SocketFailure.Refused, Assert.IsType<SocketEvent.Failed>(world.Client.Events[2].Event).Reason);

        world.StartServer();
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.IsType<SocketEvent.Opened>(world.Client.Events[3].Event);
    }

    [Fact]
    public void A_server_without_power_is_noticed_by_silence_alone()
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        world.ServerRunning.Host.PowerOff();
        world.Lab.RunFor(TimeSpan.FromSeconds(59));
        Assert.Single(world.Client.Events);
        world.Lab.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(SocketFailure.TimedOut, Assert.IsType<SocketEvent.Failed>(world.Client.Events[1].Event).Reason);
    }

    [Fact]
    public void The_server_hears_when_a_client_closes()
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        world.Send(0x02, 9);
        world.Client.Request(new SocketRequest.Close(s_main));
        world.Running.Drain();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(9, Assert.Single(world.Server.Received).Bytes[1]); // what was sent before arrives before
        Assert.Equal((Instant.FromMilliseconds(1020), SocketFailure.Closed), Failure(world.Server, 1));
        Assert.Single(world.Client.Events);
        Assert.Empty(world.ServerRunning.Connections);
    }

    [Fact]
    public void A_slow_link_congests_the_writer_at_64_kB_and_frees_it_at_32()
    {
        var world = new World(new LinkOptions { BitsPerSecond = 8_000_000 });
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        byte[] message = new byte[1024];
        message[0] = 0x02;
        for (int i = 0; i < 64; i++) world.Send(message);
        world.Lab.RunFor(TimeSpan.Zero);
        Assert.DoesNotContain(world.Client.Events, item => item.Event is SocketEvent.Congested);
        world.Send(message);
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Instant.FromMilliseconds(1000), world.Client.Events.Single(item => item.Event is SocketEvent.Congested).At);
        // 33 of 65 kB have left when 32 are left: 33 * 1.024 ms.
        Assert.Equal(Instant.FromMilliseconds(1000 + 33 * 1.024), world.Client.Events.Single(item => item.Event is SocketEvent.Writable).At);
        Assert.Equal(65, world.Server.Received.Count);
    }

    [Fact]
    public void An_outage_delays_messages_and_loses_none()
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        world.ClientHost.Link.IsUp = false;
        for (byte i = 0; i < 10; i++) world.Send(0x02, i);
        world.Lab.RunFor(TimeSpan.FromSeconds(2));
        Assert.Empty(world.Server.Received);
        world.ClientHost.Link.IsUp = true;
        world.Lab.RunFor(TimeSpan.FromSeconds(4));
        Assert.Equal(Enumerable.Range(0, 10), world.Server.Received.Select(arrival => (int)arrival.Bytes[1]));
    }

    [Fact]
    public void A_client_whose_address_goes_loses_its_connection_and_the_server_learns_it_late()
    {
        var world = new World(LinkOptions.WithDelay(20));
        world.Connect();
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        world.ClientHost.SetAddresses("192.168.1.77");
        world.Lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(SocketFailure.AddressGone, Assert.IsType<SocketEvent.Failed>(world.Client.Events[1].Event).Reason);
        Assert.Single(world.Server.Events);
        world.Lab.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal(SocketFailure.TimedOut, Assert.IsType<SocketEvent.Failed>(world.Server.Events[1].Event).Reason);
    }

    private static (Instant At, SocketFailure Reason) Failure(ScriptedMachine machine, int index) =>
        (machine.Events[index].At, Assert.IsType<SocketEvent.Failed>(machine.Events[index].Event).Reason);

    private sealed class World
    {
        private readonly SimulatedHost _serverHost;

        public World(LinkOptions link)
        {
            _serverHost = Lab.Internet.AddHost("server", "198.51.100.1");
            StartServer();
            var nat = Lab.Internet.AddNat("nat", NatProfile.PortRestricted, "203.0.113.1");
            ClientHost = nat.Inside.AddHost("alice", "192.168.1.10", link);
            Running = ClientHost.Run(Client);
        }

        public Simulation Lab { get; } = new(1);

        public SimulatedHost ClientHost { get; }

        public ScriptedMachine Client { get; } = new();

        public SimulatedMachine Running { get; }

        public ScriptedMachine Server { get; private set; } = new();

        public SimulatedMachine ServerRunning { get; private set; } = null!;

        public void StartServer()
        {
            Server = new ScriptedMachine();
            ServerRunning = _serverHost.Run(Server);
            ServerRunning.Listen(8848, s_listener);
        }

        public void Connect()
        {
            Client.Request(new SocketRequest.ServerConnect(s_main, s_uri));
            Running.Drain();
        }

        public void Send(params byte[] message)
        {
            Client.Send(s_main, default, message);
            Running.Drain();
        }
    }
}
