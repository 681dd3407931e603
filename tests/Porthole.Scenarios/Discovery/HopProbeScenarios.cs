using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Discovery;

/// <summary>The search for the hop limit that opens a host's NATs and leads no further, with the STUN server as it is.</summary>
public sealed class HopProbeScenarios
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly ImmutableArray<TransportAddress> s_servers =
        [.. new[] { "198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.1:3480", "198.51.100.1:3481" }.Select(TransportAddress.Parse)];

    public static TheoryData<string, int> OneNat { get; } = new()
    {
        { "port-restricted", 2 },
        { "masquerade", 2 },
        { "poisoned-masquerade", 2 },
        { "full-cone", 0 }, // whom it lets in needs no opener
        { "restricted", 0 }, // the question itself lets the other port's answer in
        { "symmetric", 0 }, // what is opened is not what is asked through
        { "carrier", 0 },
    };

    [Theory]
    [MemberData(nameof(OneNat))]
    public void One_NAT_is_opened_by_a_packet_of_two_hops(string name, int hops)
    {
        var profile = NatProfile.Presets.Single(preset => preset.Name == name);
        for (ulong seed = 1; seed <= 10; seed++) Assert.Equal(hops, new World(seed).Behind(profile).Run());
    }

    [Fact]
    public void Two_NATs_in_a_row_take_one_hop_more()
    {
        var world = new World(1).Behind(NatProfile.PortRestricted, NatProfile.Masquerade);
        Assert.Equal(3, world.Run());
        Assert.InRange(world.Sent, 2 + 4 + 2, 2 + 4 + 2); // one hop, two in two tries, three
    }

    [Fact]
    public void Four_NATs_in_a_row_are_found_out_too() =>
        Assert.Equal(5, new World(1).Behind(NatProfile.PortRestricted, NatProfile.FullCone, NatProfile.Masquerade, NatProfile.Restricted).Run());

    [Fact]
    public void A_NAT_that_is_beyond_the_last_hop_is_not_found_and_costs_thirty_packets()
    {
        var world = new World(1).Behind([.. Enumerable.Repeat(NatProfile.PortRestricted, HopProbe.MaxHops)]);
        Assert.Equal(0, world.Run());
        Assert.Equal(HopProbe.MaxPackets, world.Sent);
        Assert.Equal(30, HopProbe.MaxPackets);
    }

    /// <summary>The packet that opens the NAT arrives as well: whoever sent one to a peer would not have stayed unseen.</summary>
    [Fact]
    public void A_server_directly_outside_the_NAT_tells_nothing()
    {
        var world = new World(1, isServerNear: true).Behind(NatProfile.PortRestricted);
        Assert.Equal(0, world.Run());
        Assert.InRange(world.Sent, 4, 6);
    }

    [Fact]
    public void Without_a_NAT_nothing_is_found() => Assert.Equal(0, new World(1).Behind().Run());

    [Fact]
    public void Loss_makes_the_result_larger_at_worst()
    {
        int exact = 0;
        for (ulong seed = 1; seed <= 200; seed++)
        {
            int hops = new World(seed, loss: 0.05).Behind(NatProfile.PortRestricted).Run();
            Assert.InRange(hops, 0, 4);
            Assert.NotEqual(1, hops);
            if (hops == 2) exact++;
        }

        Assert.InRange(exact, 190, 200); // two tries of two packets and an answer each, at 5 % both ways
    }

    [Fact]
    public void A_server_with_one_port_is_not_asked()
    {
        var probe = new HopProbe(new SeededEntropy(1), () => new SocketId(1));
        var local = TransportAddress.Parse("192.168.1.10:0");
        Assert.False(probe.Start(Instant.Zero, local, [], null, TimeSpan.Zero));
        Assert.False(probe.Start(Instant.Zero, local, [s_servers[0]], null, TimeSpan.Zero));
        Assert.False(probe.Start(Instant.Zero, local, [s_servers[0], TransportAddress.Parse("198.51.100.2:3478")], null, TimeSpan.Zero));
        Assert.False(probe.TryTakeRequest(out _));
        Assert.True(probe.Start(Instant.Zero, local, s_servers, null, TimeSpan.Zero));
    }

    [Fact]
    public void A_search_that_is_given_up_closes_its_socket_and_says_nothing()
    {
        var probe = new HopProbe(new SeededEntropy(1), () => new SocketId(7));
        Assert.True(probe.Start(Instant.Zero, TransportAddress.Parse("192.168.1.10:5"), s_servers, null, TimeSpan.Zero));
        Assert.True(probe.TryTakeRequest(out var bind) && bind is SocketRequest.UdpBind { IsTentative: true, Local.Port: 0 });
        Assert.True(probe.HandleSocketEvent(Instant.Zero, new SocketEvent.Opened(new SocketId(7), TransportAddress.Parse("192.168.1.10:6"), default)));
        probe.Stop();
        Assert.True(probe.TryTakeRequest(out var close) && close is SocketRequest.Close { Socket.Value: 7 });
        Assert.False(probe.TryTakeResult(out _));
        Assert.Null(probe.NextDeadline);
        var writer = new DatagramBatchWriter(new byte[2_000]);
        Assert.False(probe.TryWrite(Instant.Zero, ref writer));
        Assert.False(probe.HandleSocketEvent(Instant.Zero, new SocketEvent.Opened(new SocketId(7), TransportAddress.Parse("192.168.1.10:6"), default)));
    }

    [Fact]
    public void A_socket_that_cannot_be_had_ends_the_search()
    {
        var probe = new HopProbe(new SeededEntropy(1), () => new SocketId(7));
        Assert.True(probe.Start(Instant.Zero, TransportAddress.Parse("192.168.1.10:5"), s_servers, null, TimeSpan.Zero));
        Assert.True(probe.HandleSocketEvent(Instant.Zero, new SocketEvent.Failed(new SocketId(7), SocketFailure.Other, "")));
        Assert.True(probe.TryTakeResult(out int hops));
        Assert.Equal(0, hops);
        Assert.False(probe.TryTakeResult(out _));
    }

    private sealed class World
    {
        private readonly Simulation _lab;
        private readonly StunServerKey _key = new(new byte[32]);
        private readonly ProbingHost _machine;
        private SimulatedNetwork _place;

        public World(ulong seed, bool isServerNear = false, double loss = 0)
        {
            _lab = new Simulation(seed);
            _place = _lab.Internet;
            // A network of its own is one without the internet's hops.
            if (isServerNear) _place = _lab.Internet.AddNat("provider", NatProfile.FullCone, "203.0.113.250", "198.51.100.0/24").Inside;
            var link = new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Loss = loss };
            _place.AddHost("server", "198.51.100.1", link)
                .Run(new StunServer(StunServerOptions.Default with { Listen = s_servers }, _key, new WallClock(Instant.Zero, s_start), _lab.CreateEntropy()));
            _machine = new ProbingHost(_lab.CreateEntropy());
        }

        public int Sent => _machine.Sent;

        /// <summary>Behind NATs, the outermost first.</summary>
        public World Behind(params NatProfile[] profiles)
        {
            for (int i = 0; i < profiles.Length; i++)
            {
                string external = i == 0 ? (_place == _lab.Internet ? "203.0.113.7" : "198.51.100.7") : $"10.{i}.0.2";
                _place = _place.AddNat($"nat {i}", profiles[i], external, $"10.{i + 1}.0.0/16").Inside;
            }

            return this;
        }

        public int Run()
        {
            bool isPublic = _place == _lab.Internet;
            string address = isPublic ? "203.0.113.7" : $"10.{Depth(_place)}.0.9";
            var running = _place.AddHost("host", address).Run(_machine);
            var credential = new StunCredentialIssuer(_key).Issue(new PeerId(new byte[PeerId.Size]), s_start);
            _lab.RunFor(TimeSpan.FromMilliseconds(10));
            running.Invoke(now => Assert.True(_machine.Probe.Start(now, TransportAddress.Parse($"{address}:0"), s_servers, credential, TimeSpan.FromMilliseconds(20))));
            Assert.True(_lab.RunUntil(() => _machine.Result is not null, TimeSpan.FromSeconds(15)));
            Assert.InRange(_machine.Sent, 2, HopProbe.MaxPackets);
            _lab.RunFor(TimeSpan.FromSeconds(1));
            Assert.Equal(0, _machine.OpenSockets);
            return _machine.Result!.Value;
        }

        private int Depth(SimulatedNetwork network)
        {
            int depth = 0;
            for (var at = network; at != _lab.Internet && at.Name != "provider's network"; at = at.Gateway!.Network) depth++;
            return depth;
        }
    }

    /// <summary>The probe as a whole machine.</summary>
    private sealed class ProbingHost : ISocketUser
    {
        private int _sockets;

        public ProbingHost(EntropySource entropy) => Probe = new HopProbe(entropy, () => new SocketId(++_sockets));

        public HopProbe Probe { get; }

        public int Sent { get; private set; }

        public int OpenSockets { get; private set; }

        public int? Result { get; private set; }

        public Instant? NextDeadline => Probe.NextDeadline;

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
            Probe.HandleSocketEvent(now, socketEvent);
            TakeResult();
        }

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
            foreach (var datagram in batch.Datagrams) Probe.HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram));
            TakeResult();
        }

        public void HandleDeadline(Instant now)
        {
            Probe.HandleDeadline(now);
            TakeResult();
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
        {
            if (!Probe.TryWrite(now, ref writer)) return false;
            Sent++;
            return true;
        }

        public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
        {
            if (!Probe.TryTakeRequest(out request)) return false;
            OpenSockets += request is SocketRequest.Close ? -1 : 1;
            return true;
        }

        private void TakeResult()
        {
            if (Probe.TryTakeResult(out int hops)) Result = hops;
        }
    }
}
