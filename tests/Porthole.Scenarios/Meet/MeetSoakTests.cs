using Porthole.Lab;
using Porthole.Lab.Scenarios;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Scenarios.Meet;

/// <summary>Many strangers at once who come, take it back and come again while the server dies and returns: whoever opens has met the right one.</summary>
public sealed class MeetSoakTests
{
    private const int Strangers = 6;

    public static TheoryData<ulong> Seeds { get; } =
        [.. Enumerable.Range(1, Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 60 : 4).Select(static seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Whoever_opens_has_met_the_right_one_and_nobody_waits_for_ever(ulong seed)
    {
        var world = new MeetWorld(seed, new RendezvousServerOptions { Lobby = true, MeetTimeout = TimeSpan.FromMinutes(2), CodeMemory = TimeSpan.FromMinutes(1), MeetsPerMinute = 1_000 });
        var chance = SeededEntropy.ForStream(seed, 7);
        SimulatedPeer[] peers = [.. Enumerable.Range(0, Strangers).Select(_ => world.AddStranger())];
        var asked = new Dictionary<(SimulatedPeer Peer, ConnectionHandle Handle), PairingKey?>();
        bool isServerUp = true;
        for (int step = 0; step < 120; step++)
        {
            var peer = peers[chance.NextInt32(0, peers.Length)];
            switch (chance.NextInt32(0, 10))
            {
                case < 6:
                    PairingKey? key = chance.NextInt32(0, 4) switch { 0 => null, 1 => MeetWorld.Wrong, _ => MeetWorld.Right };
                    asked[(peer, MeetWorld.Meet(peer, key))] = key;
                    break;
                case 6:
                    if (asked.Keys.LastOrDefault(entry => entry.Peer == peer) is { Peer: not null } last) peer.Invoke((machine, now) => machine.Close(now, last.Handle, 0, ""));
                    break;
                case 8 when isServerUp:
                    world.Net.KillServer();
                    isServerUp = false;
                    break;
                case > 6 when !isServerUp:
                    world.Net.StartServer();
                    isServerUp = true;
                    break;
            }

            world.Run(chance.NextInt32(0, 4) == 0 ? chance.NextInt32(0, 20) : chance.NextInt32(0, 200) / 1_000.0);
        }

        if (!isServerUp) world.Net.StartServer();
        world.Run(300); // longer than the server lets anybody wait

        var opened = peers.SelectMany(peer => MeetWorld.Events<PeerEvent.Opened>(peer).Select(one => (Peer: peer, Event: one))).ToArray();
        Assert.NotEmpty(opened);
        foreach (var (peer, one) in opened)
        {
            var key = asked[(peer, one.Connection)];
            Assert.Equal(key is not null, one.IsAuthenticated);
            var other = Assert.Single(peers, other => other.Machine.Id == one.Key.PeerId);
            Assert.NotEqual(peer, other);
            Assert.Contains(asked, entry => entry.Key.Peer == other && entry.Value == key); // the other has come to the same place
        }

        foreach (var ((peer, handle), _) in asked)
        {
            bool isOver = peer.Events.Any(entry => entry.Event switch
            {
                PeerEvent.Opened one => one.Connection == handle,
                PeerEvent.Failed one => one.Connection == handle,
                _ => false,
            });
            Assert.True(isOver, $"{handle} of {peer.Host} has neither opened nor failed");
        }

        foreach (var peer in peers)
        {
            foreach (var handle in MeetWorld.Events<PeerEvent.Opened>(peer).Select(static one => one.Connection).ToArray()) peer.Invoke((machine, now) => machine.Close(now, handle, 0, ""));
        }

        world.Run(60);
        Assert.All(peers, static peer => Assert.Equal(0, peer.Machine.ConnectionCount));

        // And the place is as good as new.
        var (alice, bob) = (peers[0], peers[1]);
        var atAlice = MeetWorld.Meet(alice, MeetWorld.Right);
        var atBob = MeetWorld.Meet(bob, MeetWorld.Right);
        Assert.True(world.Until(() => alice.Opened == atAlice && bob.Opened == atBob, 10));
        world.AssertTalk(alice, bob);
    }
}
