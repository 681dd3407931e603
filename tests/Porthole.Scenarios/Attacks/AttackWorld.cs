using System.Collections.Immutable;
using System.Text;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Attacks;

/// <summary>
/// Alice (203.0.113.1) and bob (203.0.113.2), whole peers behind port-restricted NATs, a server that is honest or hostile, and an eye on everything: who sends
/// where, and whether anything that must be secret is ever in clear on a wire.
/// </summary>
internal sealed class AttackWorld
{
    public const string AliceLan = "192.168.1.10", BobLan = "192.168.2.20", AlicePublic = "203.0.113.1", BobPublic = "203.0.113.2";

    /// <summary>What the programs say to each other: to be found in clear nowhere.</summary>
    public static readonly byte[] Secret = Encoding.ASCII.GetBytes("the launch code is 0451, tell nobody about it");

    private static readonly DateTimeOffset s_epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly byte[][] s_neverInClear = [Secret[..16], "\"type\""u8.ToArray(), "candidate"u8.ToArray()];

    private readonly Dictionary<string, Dictionary<TransportAddress, int>> _sent = [];
    private readonly Dictionary<string, SimulatedRouter> _nats = [];

    private AttackWorld(ulong seed)
    {
        Net = new PeerInternet(seed, LinkOptions.WithDelay(10));
        Net.KillServer();
        ServerIdentity = IdentityKey.Generate(Simulation.CreateEntropy());
        StunKey = StunServerKey.Create(Simulation.CreateEntropy());
        Simulation.Trace = new PacketTrace(capacity: 0) { Inspector = Inspect };
        var entropy = Simulation.CreateEntropy();
        var (listen, clock) = (StunServerOptions.Default with { Listen = Stun }, new WallClock(Simulation.Now, s_epoch));
        Net.ServerHost.Run(new StunServer(listen, StunKey, clock, entropy));
        Net.ServerHost.Run(new StunStreamServer(listen, StunKey, clock, entropy));
    }

    public PeerInternet Net { get; }

    public Simulation Simulation => Net.Simulation;

    public IdentityKey ServerIdentity { get; }

    public StunServerKey StunKey { get; }

    public static ImmutableArray<TransportAddress> Stun { get; } = [.. Enumerable.Range(3478, 4).Select(static port => TransportAddress.Parse($"{PeerInternet.ServerAddress}:{port}"))];

    /// <summary>The hostile server; null where the server is honest.</summary>
    public HostileServer? Hostile { get; private set; }

    /// <summary>What stands before the honest server.</summary>
    public ServerTap? Tap { get; private set; }

    public SimulatedMachine ServerMachine { get; private set; } = null!;

    /// <summary>Every datagram of one host as it was sent, for replays; null (the default) for none.</summary>
    public Action<PacketTraceEntry, byte[]>? Capture { get; set; }

    public static AttackWorld WithHostileServer(ulong seed = 1)
    {
        var world = new AttackWorld(seed);
        world.Hostile = new HostileServer(world.ServerIdentity, world.StunKey, Stun, world.Simulation.CreateEntropy()) { Inspect = world.AssertSealed };
        world.ServerMachine = world.Net.ServerHost.Run(world.Hostile);
        world.ServerMachine.Listen(8848, new SocketId(1));
        return world;
    }

    public static AttackWorld WithHonestServer(ulong seed = 1)
    {
        var world = new AttackWorld(seed);
        var router = new RelayRouter();
        var options = new RendezvousServerOptions { Stun = Stun };
        var server = new RendezvousServer(options, world.ServerIdentity, world.StunKey, router, world.Simulation.CreateEntropy(), world.Simulation.Now, s_epoch, []);
        world.Tap = new ServerTap(new RendezvousHost(server, router), world.AssertSealed);
        world.ServerMachine = world.Net.ServerHost.Run(world.Tap);
        world.ServerMachine.Listen(8848, new SocketId(1));
        return world;
    }

    public RendezvousClientOptions ServerOptions => new() { Server = new Uri($"http://{PeerInternet.ServerAddress}:8848"), ServerKey = ServerIdentity.PublicKey };

    public SimulatedPeer AddAlice(Func<PeerMachineOptions, PeerMachineOptions>? change = null) => Add("alice", AlicePublic, AliceLan, change);

    public SimulatedPeer AddBob(Func<PeerMachineOptions, PeerMachineOptions>? change = null) => Add("bob", BobPublic, BobLan, change);

    /// <summary>A peer that no NAT protects: everything that is sent to it arrives.</summary>
    public SimulatedPeer AddPublic(string name, string address, Func<PeerMachineOptions, PeerMachineOptions>? change = null) =>
        Net.AddPeer(name, Simulation.Internet, address, LinkOptions.WithDelay(10), options =>
        {
            options = options with { Server = ServerOptions };
            return change is null ? options : change(options);
        });

    /// <summary>A bystander on the LAN of a peer.</summary>
    public RawHost AddToLan(string peer, string address, ushort port = 5_000) => new(_nats[peer].Inside, $"lan of {peer}", address, port);

    public RawHost AddStranger(string address = "203.0.113.66", ushort port = 5_000) => new(Simulation.Internet, $"stranger {address}", address, port);

    public void Warm(params SimulatedPeer[] peers)
    {
        Assert.True(Simulation.RunUntil(() => peers.All(static peer => peer.IsRegistered), TimeSpan.FromSeconds(5)), "all register");
        Run(2);
    }

    public void Run(double seconds) => Simulation.RunFor(TimeSpan.FromSeconds(seconds));

    public bool Until(Func<bool> condition, double seconds) => Simulation.RunUntil(condition, TimeSpan.FromSeconds(seconds));

    /// <summary>Gives the hostile server a command.</summary>
    public void Do(Action<HostileServer> command) => ServerMachine.Invoke(_ => command(Hostile!));

    /// <summary>Says something to a peer as its server.</summary>
    public void Tell(SimulatedPeer peer, params ServerMessage[] messages) => Do(server =>
    {
        foreach (var message in messages) server.Of(peer.Machine.Id).Say(message);
    });

    /// <summary>How many packets, datagrams or TCP segments, a peer has sent to a host, whatever the port.</summary>
    public int SentTo(string peer, string address) =>
        SentBy(peer).Where(entry => entry.Key.SameHost(TransportAddress.Parse($"{address}:0"))).Sum(static entry => entry.Value);

    /// <summary>Where a peer has sent packets, and how many.</summary>
    public IReadOnlyDictionary<TransportAddress, int> SentBy(string peer) => _sent.GetValueOrDefault(peer) ?? [];

    /// <summary>Asserts that a peer sent packets to these IP addresses, to its own mapped address (whether its NAT turns them round), and to no other.</summary>
    public void AssertSentOnlyTo(string peer, params string[] addresses)
    {
        var allowed = addresses.Append(PeerInternet.ServerAddress).Append(peer == "alice" ? AlicePublic : BobPublic).Select(static address => TransportAddress.Parse($"{address}:0")).ToHashSet();
        Assert.Empty(SentBy(peer).Keys.Select(static address => address.Host).Where(address => !allowed.Contains(address)).Distinct());
    }

    /// <summary>Opens a connection from alice to bob and has it say the secret both ways.</summary>
    public ConnectionHandle Converse(SimulatedPeer alice, SimulatedPeer bob, double seconds = 5, string to = "bob")
    {
        var connection = alice.Connect(to);
        Assert.True(Until(() => alice.Opened == connection && bob.Opened != default, seconds), "the connection opens");
        alice.Send(connection, Secret);
        bob.Send(bob.Opened, Secret);
        Assert.True(Until(() => alice.BytesReceived == Secret.Length && bob.BytesReceived == Secret.Length, seconds), "both hear the other");
        return connection;
    }

    /// <summary>Asserts that a connection still carries bytes.</summary>
    public void AssertAlive(SimulatedPeer from, ConnectionHandle connection, SimulatedPeer to, double seconds = 5)
    {
        long before = to.BytesReceived;
        from.Send(connection, Secret);
        Assert.True(Until(() => to.BytesReceived == before + Secret.Length, seconds), "the connection carries bytes");
    }

    private SimulatedPeer Add(string name, string external, string local, Func<PeerMachineOptions, PeerMachineOptions>? change)
    {
        string inside = local[..local.LastIndexOf('.')] + ".0/24";
        var nat = Simulation.Internet.AddNat($"nat of {name}", NatProfile.PortRestricted, external, inside, LinkOptions.WithDelay(10));
        _nats[name] = nat;
        return Net.AddPeer(name, nat.Inside, local, change: options =>
        {
            options = options with { Server = ServerOptions };
            return change is null ? options : change(options);
        });
    }

    private void Inspect(in PacketTraceEntry entry, ReadOnlySpan<byte> bytes)
    {
        if (entry.Step != TraceStep.Sent) return;
        if (!_sent.TryGetValue(entry.Place, out var sent)) _sent[entry.Place] = sent = [];
        sent[entry.Flow.Destination] = sent.GetValueOrDefault(entry.Flow.Destination) + 1;
        byte[] copy = bytes.ToArray();
        AssertSealed(copy);
        if (entry.Flow.Protocol == NatProtocol.Udp) Capture?.Invoke(entry, copy);
    }

    private void AssertSealed(ReadOnlyMemory<byte> bytes)
    {
        foreach (byte[] secret in s_neverInClear) Assert.True(bytes.Span.IndexOf(secret) < 0, $"'{Encoding.ASCII.GetString(secret)}' is in clear on the wire");
    }
}
