using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class ClientConnectionTests
{
    [Fact]
    public void First_contact_trusts_and_later_contacts_ask_for_the_same_key()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        Assert.Equal(world.ServerKey, Assert.Single(alice.Events<RendezvousEvent.ServerKeyLearned>()).Key);
        var welcomed = Assert.Single(alice.Events<RendezvousEvent.Welcomed>());
        Assert.Equal("198.51.100.1:3478", Assert.Single(welcomed.Stun).ToString());
        Assert.Equal(alice.Address, welcomed.Observed);
        Assert.Equal(1, Assert.Single(alice.Events<RendezvousEvent.Registered>()).Candidates);

        world.KillServer();
        world.StartServer();
        world.Run(TimeSpan.FromSeconds(3));
        Assert.Equal(2, alice.Events<RendezvousEvent.Registered>().Count());
        Assert.Single(alice.Events<RendezvousEvent.ServerKeyLearned>());
    }

    [Fact]
    public void The_waits_between_attempts_double_up_to_half_a_minute()
    {
        var world = new RendezvousWorld { ServerIsUp = false };
        var alice = world.Add();
        alice.Machine.Start(world.Now);
        alice.Drain();
        world.Run(TimeSpan.FromMinutes(5));

        var gone = alice.Log
            .Where(entry => entry.Event is RendezvousEvent.Disconnected)
            .Select(entry => (entry.At, ((RendezvousEvent.Disconnected)entry.Event).RetryAt))
            .ToArray();
        Assert.All(alice.Events<RendezvousEvent.Disconnected>(), e => Assert.Equal(RendezvousError.ServerUnreachable, e.Reason));
        double[] expected = [0.5, 1, 2, 4, 8, 16, 30, 30, 30];
        for (int i = 0; i < expected.Length; i++) Assert.InRange((gone[i].RetryAt!.Value - gone[i].At).TotalSeconds, 0.8 * expected[i], 1.2 * expected[i]);
    }

    [Fact]
    public void A_change_of_the_network_ends_the_wait()
    {
        var world = new RendezvousWorld { ServerIsUp = false };
        var alice = world.Add();
        alice.Machine.Start(world.Now);
        alice.Drain();
        world.Run(TimeSpan.FromMinutes(1));
        world.StartServer();
        int before = alice.Requests.Count;
        alice.Do((machine, now) => machine.HandleSocketEvent(now, new SocketEvent.NetworkChanged([TransportAddress.Parse("10.0.0.5:0")])));
        Assert.Equal(before + 1, alice.Requests.Count);
        world.Run(TimeSpan.FromSeconds(1));
        Assert.True(alice.Machine.IsOnline);
    }

    [Fact]
    public void A_local_address_that_is_gone_is_replaced_at_once()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var start = world.Now;
        alice.Do((machine, now) => machine.HandleSocketEvent(now, new SocketEvent.NetworkChanged([TransportAddress.Parse("10.0.0.5:0")])));
        alice.Address = TransportAddress.Parse("10.0.0.5:50000");
        world.Run(TimeSpan.FromSeconds(5));
        Assert.Equal(2, alice.Events<RendezvousEvent.Registered>().Count());
        // Connect 2r, hello with a known key 2r, welcome 2r, registration 2r.
        Assert.Equal(TimeSpan.FromMilliseconds(160), alice.At<RendezvousEvent.Registered>() - start);
    }

    [Fact]
    public void A_quiet_connection_is_kept_alive_in_less_than_27_seconds()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        world.Run(TimeSpan.FromSeconds(1));
        int before = world.MessagesToServer;
        world.Run(TimeSpan.FromMinutes(10));
        Assert.InRange(world.MessagesToServer - before, 600 / 27, 600 / 15);
        Assert.True(alice.Machine.IsRegistered);
        Assert.Single(alice.Events<RendezvousEvent.Registered>());
    }

    [Fact]
    public void A_dead_connection_is_noticed_after_three_missed_signs_of_life()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        alice.IsCutOff = true;
        world.Run(TimeSpan.FromSeconds(22 + 15));
        Assert.Equal(RendezvousError.ServerSilent, Assert.Single(alice.Events<RendezvousEvent.Disconnected>()).Reason);
        alice.IsCutOff = false;
        world.Run(TimeSpan.FromSeconds(40));
        Assert.True(alice.Machine.IsRegistered);
    }

    [Fact]
    public void A_probe_finds_a_dead_connection_within_five_seconds_however_often_it_is_asked_for()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        alice.IsCutOff = true;
        var start = world.Now;
        for (int i = 0; i < 10; i++)
        {
            alice.Do((machine, now) => machine.Probe(now));
            world.Run(TimeSpan.FromMilliseconds(500));
        }

        Assert.Equal(TimeSpan.FromSeconds(4.5), alice.At<RendezvousEvent.Disconnected>() - start);
    }

    [Fact]
    public void A_probe_of_a_live_connection_costs_one_ping()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        world.Run(TimeSpan.FromSeconds(1));
        int before = world.MessagesToServer;
        alice.Do((machine, now) => machine.Probe(now));
        world.Run(TimeSpan.FromSeconds(5));
        Assert.Equal(before + 1, world.MessagesToServer);
        Assert.True(alice.Machine.IsOnline);
    }

    [Fact]
    public void A_wrong_token_is_final_and_a_right_one_lets_in()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { Token = "open sesame" });
        var options = new RendezvousClientOptions { Server = new Uri("http://server:8848") };
        var alice = world.Add(options: options with { Token = "guess" });
        alice.Machine.Start(world.Now);
        var bob = world.Add(options: options with { Token = "open sesame" });
        bob.Machine.Start(world.Now);
        world.Run(TimeSpan.FromMinutes(1));

        var gone = Assert.Single(alice.Events<RendezvousEvent.Disconnected>());
        Assert.Equal((RendezvousError.WrongToken, null), (gone.Reason, gone.RetryAt));
        Assert.True(bob.Machine.IsOnline);
    }

    [Fact]
    public void A_server_that_stops_says_so_and_the_client_comes_back()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        world.Host.Server.Stop(world.Now);
        world.Run(TimeSpan.FromSeconds(3));
        Assert.Equal(RendezvousError.ServerStopping, Assert.Single(alice.Events<RendezvousEvent.Disconnected>()).Reason);
        Assert.True(alice.Machine.IsRegistered);
    }

    [Fact]
    public void STUN_access_is_renewed_when_half_of_it_is_over()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { StunLifetime = TimeSpan.FromMinutes(10) });
        var alice = world.AddRegistered("alice");
        world.Run(TimeSpan.FromMinutes(30));
        Assert.InRange(alice.Events<RendezvousEvent.StunAccessChanged>().Count(), 5, 6);
        Assert.All(alice.Events<RendezvousEvent.StunAccessChanged>(), e => Assert.Equal(TimeSpan.FromMinutes(10), e.Access.Lifetime));
    }

    [Fact]
    public void Stopping_hangs_up_and_forgets()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        alice.Do((machine, now) => machine.Stop(now));
        world.Run(TimeSpan.FromMinutes(2));
        Assert.Equal(0, world.Host.Server.Connections);
        Assert.Null(alice.Machine.NextDeadline);
        Assert.Null(alice.Machine.Socket);
        alice.Do((machine, now) => machine.Start(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.True(alice.Machine.IsRegistered);
    }

    [Fact]
    public void Every_error_has_a_line_for_a_person()
    {
        foreach (var error in Enum.GetValues<RendezvousError>())
        {
            Assert.InRange(error.Text.Length, 20, 160);
            Assert.DoesNotContain('\n', error.Text);
            Assert.EndsWith(".", error.Text, StringComparison.Ordinal);
        }
    }
}
