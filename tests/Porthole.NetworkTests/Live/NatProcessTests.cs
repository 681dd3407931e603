using System.Text.Json.Nodes;
using System.Threading.Channels;
using Porthole.Lab;
using Porthole.Lab.Live;
using Porthole.Lab.Nat;
using Porthole.Lab.Probe;
using Porthole.NetworkTests.Probe;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.NetworkTests.Live;

public sealed class NatProcessTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly LoopbackBlock _addresses = new();

    // What comes to a port without a mapping meets no socket, so such a NAT cannot be poisoned by it.
    public static TheoryData<string> Presets =>
        [.. NatProfile.Presets.Where(profile => !profile.RecordsUnsolicited).Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Presets))]
    public async Task Between_real_sockets_a_model_gives_the_report_it_gives_in_virtual_time(string preset)
    {
        var profile = NatProfile.Presets.Single(profile => profile.Name == preset);
        var external = _addresses[10];
        await Agreement.CheckAsync(async _ =>
        {
            await using var nat = NatProcess.Start(new NatProcessOptions { Inside = _addresses[1], Outside = external, Profile = profile }, _ => { });
            using var network = new LiveProbeNetwork(nat.Inside, [_addresses[2], _addresses[3]], [_addresses[20], _addresses[21]]);
            var model = BehaviorProbe.Run(new MiddleboxNetwork(new NatTable(profile, new SeededEntropy(1), external), network.Inside, network.Outside));
            return (model.ToString(), BehaviorProbe.Run(network).ToString());
        });
    }

    [Fact]
    public async Task Two_hosts_punch_through_two_of_them_and_every_step_is_told()
    {
        var events = new List<NatProcessEvent>();
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var dropped = new TaskCompletionSource<NatProcessEvent.Dropped>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var one = NatProcess.Start(new NatProcessOptions { Inside = _addresses[1], Outside = _addresses[11] }, Keep);
        await using var two = NatProcess.Start(new NatProcessOptions { Inside = _addresses[2], Outside = _addresses[12] }, Keep);
        var alice = new LabSocket(new LabNetwork(_addresses[101], one.Inside), 25_001);
        var bob = new LabSocket(new LabNetwork(_addresses[102], two.Inside), 25_002);
        var alicesMapping = _addresses[11].WithPort(25_001);
        var bobsMapping = _addresses[12].WithPort(25_002);

        // Bob has sent nothing to Alice yet, and nothing at all: his NAT has no socket to hear her with.
        alice.Send(bobsMapping, 1);
        await sent.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        bob.Send(alicesMapping, 2);
        Assert.Equal((bobsMapping, 2), await alice.ReceiveAsync());
        alice.Send(bobsMapping, 3);
        Assert.Equal((alicesMapping, 3), await bob.ReceiveAsync());

        // A stranger knows the port, but Bob has not written to him.
        await using var third = NatProcess.Start(new NatProcessOptions { Inside = _addresses[3], Outside = _addresses[13] }, Keep);
        var carol = new LabSocket(new LabNetwork(_addresses[103], third.Inside), 25_003);
        carol.Send(bobsMapping, 4);
        var refused = await dropped.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        bob.Send(_addresses[13].WithPort(25_003), 5);
        Assert.Equal((bobsMapping, 5), await carol.ReceiveAsync());

        await alice.CloseAsync();
        await bob.CloseAsync();
        await carol.CloseAsync();
        lock (events)
        {
            Assert.Contains(events, e => e is NatProcessEvent.Mapped { Outside: var outside } && outside == alicesMapping);
            Assert.Same(refused, Assert.Single(events.OfType<NatProcessEvent.Dropped>()));
            Assert.Equal((_addresses[13].WithPort(25_003), bobsMapping, false), (refused.From, refused.To, refused.Outgoing));
            Assert.Equal(NatDropReason.Filtered.Meaning, refused.Reason);
        }

        void Keep(NatProcessEvent happened)
        {
            lock (events) events.Add(happened);
            if (happened is NatProcessEvent.Dropped one) dropped.TrySetResult(one);
            if (happened is NatProcessEvent.Passed { Outgoing: true }) sent.TrySetResult();
        }
    }

    [Fact]
    public async Task Nothing_leaves_the_machine()
    {
        var dropped = Channel.CreateUnbounded<NatProcessEvent.Dropped>();
        await using var nat = NatProcess.Start(new NatProcessOptions { Inside = _addresses[1], Outside = _addresses[11] }, happened =>
        {
            if (happened is NatProcessEvent.Dropped one) dropped.Writer.TryWrite(one);
        });
        var host = new LabSocket(new LabNetwork(_addresses[101], nat.Inside), 25_001);
        host.Send(TransportAddress.Parse("203.0.113.1:3478"), 1);
        var told = await dropped.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal(TransportAddress.Parse("203.0.113.1:3478"), told.To);
        await host.CloseAsync();
        Assert.Throws<ArgumentException>(() => new NatProcessOptions { Inside = _addresses[1], Outside = TransportAddress.Parse("192.168.1.1:0") });
    }

    [Fact]
    public void An_event_is_a_line_of_JSON_with_its_kind_first()
    {
        string line = new NatProcessEvent.Dropped(
            12.5, false, TransportAddress.Parse("127.2.0.1:5000"), TransportAddress.Parse("127.1.0.1:6000"), PacketKind.Stun, 100, "no mapping at that port").ToJson();
        Assert.StartsWith("""{"event":"dropped","at":12.5,"direction":"in",""", line, StringComparison.Ordinal);
        var read = JsonNode.Parse(line)!;
        Assert.Equal(("127.2.0.1:5000", "127.1.0.1:6000", "stun", 100), ((string)read["from"]!, (string)read["to"]!, (string)read["kind"]!, (int)read["bytes"]!));
        Assert.Null(read["inside"]);
    }

    [Theory]
    [InlineData("127.1.0.2@127.1.0.1:4000", true)]
    [InlineData("127.1.0.2", false)]
    [InlineData("127.1.0.2@127.1.0.1", false)]
    [InlineData("127.1.0.2@127.1.0.1:0", false)]
    [InlineData("192.168.1.2@127.1.0.1:4000", false)]
    [InlineData("127.1.0.2@[::1]:4000", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void The_place_behind_a_NAT_is_read_from_one_word(string? text, bool valid) => Assert.Equal(valid, LabNetwork.TryParse(text, out _));

    /// <summary>A socket of a lab network that carries numbers.</summary>
    private sealed class LabSocket : ISocketInbox
    {
        private readonly INetworkSocket _socket;
        private readonly Channel<(TransportAddress From, int Number)> _received = Channel.CreateUnbounded<(TransportAddress, int)>();

        public LabSocket(LabNetwork network, ushort port) =>
            _socket = network.Open(new SocketRequest.UdpBind(new SocketId(1), network.LocalAddresses[0].WithPort(port)), this);

        public InstantClock Clock { get; } = new(TimeProvider.System);

        public void Send(TransportAddress to, byte number) => _socket.Send(to, [number], 1);

        public async Task<(TransportAddress From, int Number)> ReceiveAsync() =>
            await _received.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_patience, TestContext.Current.CancellationToken);

        public async Task CloseAsync()
        {
            _socket.Close(abortive: false);
            await _socket.Closed.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        }

        public SocketId NextAcceptedId() => throw new NotSupportedException("It has no listener.");

        public bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote) => false;

        public void Deliver(ReceiveBatch batch)
        {
            foreach (var datagram in batch.Datagrams.Datagrams) _received.Writer.TryWrite((datagram.Remote, batch.Datagrams.Bytes(datagram)[0]));
            batch.Release();
        }

        public void Deliver(SocketEvent socketEvent) => Assert.IsType<SocketEvent.Opened>(socketEvent);
    }
}
