using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Testing;

namespace Porthole.Tests.Testing;

/// <summary>The examples of docs/testing.md. What stands there is this code.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "xUnit1051", Justification = "An example shows the least.")]
public sealed class TestingExamples
{
    [Fact]
    public async Task Bob_greets_who_calls_from_behind_another_NAT()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", behind: NatProfile.PortRestricted);
        var alice = await net.StartPeerAsync("alice", behind: NatProfile.Masquerade);
        _ = Greeter.ServeAsync(bob);  // your program

        await using var connection = await alice.ConnectAsync("bob");
        await connection.WaitForDirectAsync(TimeSpan.FromSeconds(20));
        Assert.Equal("hello alice", await Greeter.AskAsync(connection));
    }

    [Fact]
    public async Task A_greeting_arrives_whatever_becomes_of_the_path()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", NatProfile.PortRestricted);
        var alice = await net.StartPeerAsync("alice", NatProfile.PortRestricted);
        _ = Greeter.ServeAsync(bob);
        await using var connection = await alice.ConnectAsync("bob");
        await connection.WaitForDirectAsync(TimeSpan.FromSeconds(20));

        net.CutPath(alice, bob);                     // the connection goes over to the relay
        Assert.Equal("hello alice", await Greeter.AskAsync(connection));
        net.Heal(alice, bob);                        // and finds a direct path again

        net.ChangeLink(alice, link => link with { Loss = 0.1, Jitter = TimeSpan.FromMilliseconds(5) });
        Assert.Equal("hello alice", await Greeter.AskAsync(connection));

        net.ChangeNetwork(alice, NatProfile.Carrier); // from Wi-Fi to mobile
        Assert.Equal("hello alice", await Greeter.AskAsync(connection));
    }

    [Fact]
    public async Task Homes_offices_and_carriers()
    {
        await using var net = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { Latency = TimeSpan.FromMilliseconds(20), Seed = 7 });
        var office = net.AddNat(NatProfile.Symmetric);                                                  // two peers share it
        var carrier = net.AddNat(NatProfile.SymmetricCarrier, new TestNatOptions { IsCarrier = true });
        var home = net.AddNat(NatProfile.PortRestricted, new TestNatOptions { Behind = carrier });      // a NAT behind a NAT
        var slow = net.AddNat(NatProfile.Restricted, new TestNatOptions { Link = new LinkOptions { Delay = TimeSpan.FromMilliseconds(40), BitsPerSecond = 2_000_000 } });

        var bob = await net.StartPeerAsync("bob", office);
        var carol = await net.StartPeerAsync("carol", office);
        var dave = await net.StartPeerAsync("dave", home);
        var erin = await net.StartPeerAsync("erin", slow);
        var frank = await net.StartPeerAsync("frank"); // a public address
        _ = Greeter.ServeAsync(frank);
        foreach (var peer in (PeerNode[])[bob, carol, dave, erin])
        {
            await using var connection = await peer.ConnectAsync("frank");
            Assert.Equal($"hello {peer.Name}", await Greeter.AskAsync(connection));
        }
    }

    [Fact]
    public async Task A_program_that_starts_its_own_peer()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        PeerOptions options = net.CreateOptions("alice", NatProfile.FullCone);
        await using var alice = await PeerNode.StartAsync(options with { ConnectTimeout = TimeSpan.FromSeconds(5) });
        net.StopServer();
        var failure = await Assert.ThrowsAsync<PeerException>(() => alice.ConnectAsync("bob"));
        Assert.True(failure.Message.Length > 0, net.Trace); // what happened to the newest packets
    }
}
