using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>Alice and bob, registered and warm, each behind something, with a server between them.</summary>
internal sealed class PeerPair
{
    /// <summary>How long a client that starts may take to be registered, and to have its NAT probed to the end.</summary>
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(5);

    private PeerPair(PeerInternet net, SimulatedPeer alice, SimulatedPeer bob) => (Net, Alice, Bob) = (net, alice, bob);

    /// <summary>20 seeds a cell; a quarter of them unless all are asked for.</summary>
    public static int Seeds { get; } = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 20 : 5;

    public PeerInternet Net { get; }

    public SimulatedPeer Alice { get; }

    public SimulatedPeer Bob { get; }

    /// <summary>When alice called.</summary>
    public Instant Start { get; private set; }

    public ConnectionHandle Connection { get; private set; }

    /// <summary>Both behind NATs of their own, on LANs with the same prefix.</summary>
    public static PeerPair BehindNats(
        ulong seed,
        NatProfile alice,
        NatProfile bob,
        double aliceDelay = 10,
        double bobDelay = 10,
        double serverDelay = 10,
        Func<PeerMachineOptions, PeerMachineOptions>? change = null)
    {
        var net = new PeerInternet(seed, LinkOptions.WithDelay(serverDelay));
        var one = net.Simulation.Internet.AddNat("nat of alice", alice, "203.0.113.1", link: LinkOptions.WithDelay(aliceDelay));
        var other = net.Simulation.Internet.AddNat("nat of bob", bob, "203.0.113.2", link: LinkOptions.WithDelay(bobDelay));
        return Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10", change: change), net.AddPeer("bob", other.Inside, "192.168.1.20", change: change));
    }

    /// <summary>Two peers that were added, once both are registered and their probes have ended.</summary>
    public static PeerPair Warm(PeerInternet net, SimulatedPeer alice, SimulatedPeer bob)
    {
        Assert.True(net.Simulation.RunUntil(() => alice.IsRegistered && bob.IsRegistered, s_warmUp), "both register");
        net.Simulation.RunFor(s_warmUp);
        return new PeerPair(net, alice, bob);
    }

    /// <summary>Alice calls bob.</summary>
    public PeerPair Call(string target = "bob")
    {
        Start = Net.Simulation.Now;
        Connection = Alice.Connect(target);
        return this;
    }

    public bool Until(Func<bool> condition, double seconds) => Net.Simulation.RunUntil(condition, TimeSpan.FromSeconds(seconds));

    public bool IsDirect => Alice.PathOf(Connection) is { IsDirect: true } && Bob.PathOf(Bob.Opened) is { IsDirect: true };

    public bool IsOpen => Alice.Opened == Connection && Bob.Opened != default;

    /// <summary>The time from the call to the first event of a kind at alice, in milliseconds.</summary>
    public double After<T>(Func<T, bool>? fits = null)
        where T : PeerEvent => (Alice.TimeOf(fits) ?? throw new InvalidOperationException($"no {typeof(T).Name}")) is var at ? (at - Start).TotalMilliseconds : 0;

    /// <summary>Bytes that are easy to check: each depends on its place.</summary>
    public static byte[] Payload(int length, int salt = 0)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)((i * 31) + (i >> 8) + salt);
        return bytes;
    }
}
