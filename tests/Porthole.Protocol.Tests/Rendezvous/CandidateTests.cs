using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>Only proved addresses are handed out; private ones only to who can be on the same network.</summary>
public sealed class CandidateTests
{
    [Fact]
    public void Only_proved_addresses_are_handed_out_at_any_port()
    {
        var seen = WhatBobSees(alice =>
        [
            alice.Proved("203.0.113.1:40000", "192.168.1.10:5000"),
            WorldClient.Claim("203.0.113.1:41000", "192.168.1.10:5000"), // predicted, on the proved host
            WorldClient.Claim("203.0.113.66:40000", "192.168.1.10:5000"), // somebody else's
            WorldClient.HostAt("203.0.113.1:5000"),
            WorldClient.HostAt("198.18.0.1:5000"), // public and not proved
            WorldClient.HostAt("[2001:db8::7]:5000"),
            alice.Proved("[2001:db8::1]:5000", "[2001:db8::1]:5000"),
        ]);
        Assert.Equal(["203.0.113.1:40000", "203.0.113.1:41000", "203.0.113.1:5000", "[2001:db8::1]:5000"], seen);
    }

    [Fact]
    public void Impossible_addresses_are_never_handed_out()
    {
        var seen = WhatBobSees(alice =>
        [
            alice.Proved("0.0.0.0:4000", "192.168.1.10:5000"), alice.Proved("224.0.0.1:4000", "192.168.1.10:5000"),
            alice.Proved("255.255.255.255:4000", "192.168.1.10:5000"), alice.Proved("169.254.1.1:4000", "192.168.1.10:5000"),
            alice.Proved("[ff02::1]:4000", "192.168.1.10:5000"), alice.Proved("203.0.113.1:0", "192.168.1.10:5000"),
            alice.Proved("127.0.0.1:4000", "192.168.1.10:5000"), // proved, but means another host at bob's
        ]);
        Assert.Empty(seen);
    }

    [Fact]
    public void A_proof_of_another_peer_another_address_or_long_ago_proves_nothing()
    {
        var seen = WhatBobSees(alice =>
        {
            var (mapped, local) = (TransportAddress.Parse("203.0.113.1:40000"), TransportAddress.Parse("192.168.1.10:5000"));
            byte[] stolen = alice.Prove(new PeerId(new byte[PeerId.Size]), mapped, local);
            byte[] other = alice.Prove(alice.Id, mapped.WithPort(40001), local);
            byte[] cut = alice.Prove(alice.Id, mapped, local)[..^1];
            var claim = WorldClient.Claim("203.0.113.1:40000", "192.168.1.10:5000");
            var moved = claim with { Base = local.WithPort(1), Proof = alice.Prove(alice.Id, mapped, local) };
            return [claim with { Proof = stolen }, claim with { Proof = other }, claim with { Proof = cut }, moved];
        });
        Assert.Empty(seen);
    }

    [Fact]
    public void Private_addresses_are_not_told_to_strangers() => Assert.Equal(
        ["203.0.113.1:40000"],
        WhatBobSees(alice => [alice.Proved("203.0.113.1:40000", "192.168.1.10:5000"), WorldClient.HostAt("192.168.1.10:5000"), WorldClient.HostAt("10.0.0.1:5000")]));

    [Fact]
    public void Private_addresses_are_told_behind_a_common_public_address() => Assert.Equal(
        ["203.0.113.1:40000", "192.168.1.10:5000", "[fd00::1]:5000"],
        WhatBobSees(
            alice => [alice.Proved("203.0.113.1:40000", "192.168.1.10:5000"), WorldClient.HostAt("192.168.1.10:5000"), WorldClient.HostAt("[fd00::1]:5000")],
            bob => [bob.Proved("203.0.113.1:40077", "10.0.0.77:5000")]));

    [Fact]
    public void Private_addresses_are_told_within_a_common_IPv6_network() => Assert.Equal(
        ["[2001:db8:1:2::1]:5000", "192.168.1.10:5000"],
        WhatBobSees(
            alice => [alice.Proved("[2001:db8:1:2::1]:5000", "[2001:db8:1:2::1]:5000"), WorldClient.HostAt("192.168.1.10:5000")],
            bob => [bob.Proved("[2001:db8:1:2::77]:5000", "[2001:db8:1:2::77]:5000")]));

    [Fact]
    public void Private_addresses_are_told_to_who_has_an_interface_in_their_network() => Assert.Equal(
        ["203.0.113.1:40000", "192.168.1.10:5000"],
        WhatBobSees(
            alice => [alice.Proved("203.0.113.1:40000", "192.168.1.10:5000"), WorldClient.HostAt("192.168.1.10:5000"), WorldClient.HostAt("192.168.2.10:5000")],
            bob => [bob.Proved("203.0.113.2:40000", "192.168.1.20:5000"), WorldClient.HostAt("192.168.1.20:5000")]));

    [Fact]
    public void At_most_four_private_addresses_and_no_system_ports()
    {
        var seen = WhatBobSees(
            alice =>
            [
                alice.Proved("203.0.113.1:40000", "10.0.0.1:5000"), WorldClient.HostAt("10.0.0.1:1023"), WorldClient.HostAt("10.0.0.1:1024"),
                WorldClient.HostAt("10.0.0.2:5000"), WorldClient.HostAt("10.0.0.3:5000"), WorldClient.HostAt("10.0.0.4:5000"), WorldClient.HostAt("10.0.0.5:5000"),
            ],
            bob => [bob.Proved("203.0.113.1:40077", "10.0.0.77:5000")]);
        Assert.Equal(["203.0.113.1:40000", "10.0.0.1:1024", "10.0.0.2:5000", "10.0.0.3:5000", "10.0.0.4:5000"], seen);
    }

    [Fact]
    public void Trickled_candidates_keep_the_same_rules()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        CandidateInfo[] attack = [WorldClient.HostAt("192.168.9.9:5000"), WorldClient.Claim("203.0.113.99:1", "192.168.1.10:5000")];
        alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [.. attack]));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(bob.Events<RendezvousEvent.CandidatesReceived>());
        alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [alice.Proved("203.0.113.99:1", "192.168.1.10:5000")]));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(Assert.Single(bob.Events<RendezvousEvent.CandidatesReceived>()).Candidates);
    }

    [Fact]
    public void A_proof_that_is_not_renewed_is_forgotten()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        world.Run(TimeSpan.FromMinutes(9));
        var renewed = bob.Proved("203.0.113.1:40000", "192.168.1.10:5000");
        bob.Do((machine, now) => machine.UpdateCandidates(now, [renewed], NatFacts.Unknown));
        world.Run(TimeSpan.FromMinutes(2));
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(alice.Push(session).Plan.Candidates); // bob renewed
        Assert.Empty(bob.Push(session).Plan.Candidates); // alice did not
    }

    [Fact]
    public void An_update_goes_out_only_when_there_is_something_new()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        world.Run(TimeSpan.FromSeconds(1));
        int before = world.MessagesToServer;
        for (int i = 0; i < 5; i++)
        {
            var same = alice.Proved("203.0.113.1:40000", "192.168.1.10:5000");
            alice.Do((machine, now) => machine.UpdateCandidates(now, [same], NatFacts.Unknown));
        }

        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(before, world.MessagesToServer);
        var claim = WorldClient.Claim("203.0.113.2:40000", "192.168.1.10:5000");
        var proved = alice.Proved("203.0.113.2:40000", "192.168.1.10:5000");
        var first = alice.Proved("203.0.113.1:40000", "192.168.1.10:5000");
        alice.Do((machine, now) => machine.UpdateCandidates(now, [first, claim], NatFacts.Unknown));
        alice.Do((machine, now) => machine.UpdateCandidates(now, [first, proved], NatFacts.Unknown)); // that it is proved now is new
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(before + 2, world.MessagesToServer);
        var moved = alice.Proved("203.0.113.1:40001", "192.168.1.10:5000");
        alice.Do((machine, now) => machine.UpdateCandidates(now, [moved], NatFacts.Unknown));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(before + 3, world.MessagesToServer);
    }

    [Fact]
    public void What_a_peer_found_out_about_its_NATs_reaches_the_other_by_UDP_and_TCP()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        var facts = new NatFacts(NatMappingFact.EndpointIndependent, NatAllocationFact.Preserve, 0, true)
        {
            Tcp = new TcpNatFacts(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Random, 0, 40_003, 40_250),
        };
        bob.Do((machine, now) => machine.UpdateCandidates(now, [], facts));
        world.Run(TimeSpan.FromSeconds(1));
        int before = world.MessagesToServer;
        bob.Do((machine, now) => machine.UpdateCandidates(now, [], facts with { Tcp = facts.Tcp with { } }));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(before, world.MessagesToServer); // nothing new
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(facts, alice.Push(session).Plan.Nat);
        Assert.Equal(facts, bob.Push(session).Plan.OwnNat); // what alice was told of him: both plan from the same
        Assert.Equal(alice.Push(session).Plan.OwnNat, bob.Push(session).Plan.Nat);
        Assert.Null(bob.Push(session).Plan.Nat.Tcp);
    }

    private static string[] WhatBobSees(Func<WorldClient, CandidateInfo[]> ofAlice, Func<WorldClient, CandidateInfo[]>? ofBob = null)
    {
        var world = new RendezvousWorld();
        var alice = world.Add();
        var bob = world.Add(address: "198.51.100.20:50000");
        foreach (var (client, candidates) in new[] { (alice, ofAlice(alice)), (bob, ofBob?.Invoke(bob) ?? []) })
        {
            client.Machine.Register(world.Now, new Registration { Candidates = [.. candidates] });
            client.Machine.Start(world.Now);
        }

        world.Run(TimeSpan.FromSeconds(1));
        var session = alice.Connect(bob.Id.ToString());
        world.Run(TimeSpan.FromSeconds(1));
        return [.. bob.Push(session).Plan.Candidates.Select(candidate => candidate.Address.ToString())];
    }
}
