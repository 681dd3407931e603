using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Discovery;

/// <summary>How long mappings live, measured through the lab's NATs with the server's RESPONSE-PORT.</summary>
public sealed class LifetimeProbeScenarios
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");

    /// <summary>The lifetime of the NAT in seconds, and what is found: the longest silence that was survived.</summary>
    public static TheoryData<int, int> Lifetimes { get; } = new()
    {
        { 5, 0 },
        { 13, 10 },
        { 30, 20 },
        { 33, 30 },
        { 65, 60 },
        { 120, 60 },
        { 125, 120 },
        { 300, 180 },
    };

    [Theory]
    [MemberData(nameof(Lifetimes))]
    public void The_longest_silence_that_a_mapping_survives_is_found(int lifetime, int expected)
    {
        foreach (bool inboundRefresh in new[] { true, false })
        {
            foreach (var profile in new[] { NatProfile.PortRestricted, NatProfile.FullCone, NatProfile.Symmetric })
            {
                var world = new World(profile with
                {
                    UnrepliedLifetime = TimeSpan.FromSeconds(lifetime), RepliedLifetime = TimeSpan.FromSeconds(lifetime), InboundRefresh = inboundRefresh,
                });
                world.Measure();
                Assert.True(world.Lab.RunUntil(() => !world.Probe.IsRunning, TimeSpan.FromMinutes(10)), "it ends");
                Assert.Equal(TimeSpan.FromSeconds(expected), world.Probe.Lifetime);
                Assert.InRange(world.Host.Traffic.Sent, 2, 40);
            }
        }
    }

    [Fact]
    public void Lost_packets_are_no_reason_to_call_a_mapping_dead()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var world = new World(NatProfile.PortRestricted, seed, new LinkOptions { Delay = TimeSpan.FromMilliseconds(20), Loss = 0.05 });
            world.Measure();
            Assert.True(world.Lab.RunUntil(() => !world.Probe.IsRunning, TimeSpan.FromMinutes(10)));
            if (world.Probe.Lifetime is { } found) Assert.InRange(found, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(180));
        }
    }

    [Fact]
    public void Where_the_two_sockets_have_different_addresses_nothing_is_said()
    {
        int unknown = 0;
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var lifetime = TimeSpan.FromSeconds(65);
            var profile = NatProfile.Symmetric with { Pooling = AddressPooling.Arbitrary, UnrepliedLifetime = lifetime, RepliedLifetime = lifetime };
            var world = new World(profile, seed, pool: true);
            world.Measure();
            Assert.True(world.Lab.RunUntil(() => !world.Probe.IsRunning, TimeSpan.FromMinutes(10)));
            if (world.Probe.Lifetime is null) unknown++;
            else Assert.InRange(world.Probe.Lifetime.Value, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        }

        Assert.InRange(unknown, 5, 20);
    }

    [Fact]
    public void A_server_that_is_silent_or_does_not_know_the_credential_ends_it()
    {
        var silent = new World(NatProfile.PortRestricted);
        silent.Measure(TransportAddress.Parse("198.51.100.1:9"));
        Assert.True(silent.Lab.RunUntil(() => !silent.Probe.IsRunning, TimeSpan.FromSeconds(10)));
        Assert.Null(silent.Probe.Lifetime);

        var refused = new World(NatProfile.PortRestricted);
        refused.Measure(key: new StunServerKey([.. Enumerable.Repeat((byte)9, 32)]));
        Assert.True(refused.Lab.RunUntil(() => !refused.Probe.IsRunning, TimeSpan.FromSeconds(10)));
        Assert.Null(refused.Probe.Lifetime);
    }

    [Fact]
    public void Its_sockets_are_closed_when_it_is_stopped()
    {
        var world = new World(NatProfile.PortRestricted);
        world.Measure();
        world.Lab.RunFor(TimeSpan.FromSeconds(5));
        world.Running.Invoke(_ => world.Probe.Stop());
        world.Lab.RunFor(TimeSpan.FromMinutes(5));
        Assert.Null(world.Probe.NextDeadline);
        Assert.InRange(world.Host.Traffic.Sent, 1, 4);
    }

    private sealed class World
    {
        private readonly StunServerKey _key = new(new byte[32]);
        private int _sockets;

        public World(NatProfile nat, ulong seed = 1, LinkOptions? link = null, bool pool = false)
        {
            Lab = new Simulation(seed);
            var server = Lab.Internet.AddHost("server", "198.51.100.1,198.51.100.2", link ?? LinkOptions.WithDelay(20));
            server.Run(new StunServer(
                StunServerOptions.Default with { Listen = [s_server, s_server.WithPort(3479)] }, _key, new WallClock(Instant.Zero, s_start), Lab.CreateEntropy()));
            Host = Lab.Internet.AddNat("nat", nat, pool ? "203.0.113.7,203.0.113.8,203.0.113.9,203.0.113.10" : "203.0.113.7").Inside.AddHost("host", "192.168.1.10");
            Probe = new LifetimeProbe(Lab.CreateEntropy(), () => new SocketId(++_sockets));
            Running = Host.Run(Probe);
        }

        public Simulation Lab { get; }

        public SimulatedHost Host { get; }

        public SimulatedMachine Running { get; }

        public LifetimeProbe Probe { get; }

        public void Measure(TransportAddress? server = null, StunServerKey? key = null)
        {
            var credential = new StunCredentialIssuer(key ?? _key).Issue(new PeerId([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]), s_start);
            Running.Invoke(now => Probe.Start(now, TransportAddress.Parse("192.168.1.10:0"), server ?? s_server, credential));
        }
    }
}
