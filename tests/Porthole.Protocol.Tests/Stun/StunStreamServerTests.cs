using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Stun;

[Collection(nameof(Alone))]
public sealed class StunStreamServerTests
{
    private static readonly StunServerKey s_key = new(new byte[32]);
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly PeerId s_peer = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);
    private static readonly ShortTermCredential s_credential = new StunCredentialIssuer(s_key).Issue(s_peer, s_start, TimeSpan.FromHours(1));
    private static readonly TransportAddress s_client = TransportAddress.Parse("203.0.113.7:40000");
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:8900");
    private static readonly TransactionId s_id = new("transaction!"u8);
    private static readonly SocketId s_connection = new(-1);

    private readonly byte[] _memory = new byte[2_048];

    [Fact]
    public void It_asks_for_listeners_that_nobody_shares_and_tells_what_became_of_them()
    {
        var server = Create("198.51.100.1:3478", "198.51.100.1:3479");
        Assert.Equal(
            [
                new SocketRequest.TcpListen(new SocketId(1), Address("198.51.100.1:3478"), Shared: false, MessageFraming.Stun),
                new SocketRequest.TcpListen(new SocketId(2), Address("198.51.100.1:3479"), Shared: false, MessageFraming.Stun),
            ],
            Requests(server));
        server.HandleSocketEvent(default, new SocketEvent.Opened(new SocketId(1), Address("198.51.100.1:3478"), default));
        server.HandleSocketEvent(default, new SocketEvent.Failed(new SocketId(2), SocketFailure.InUse, "taken"));
        server.HandleSocketEvent(default, new SocketEvent.Failed(new SocketId(9), SocketFailure.InUse, "not ours"));
        Assert.True(server.TryTakeEvent(out var serverEvent));
        Assert.Equal(new StunServerEvent.Listening(Address("198.51.100.1:3478")), serverEvent);
        Assert.True(server.TryTakeEvent(out serverEvent));
        Assert.Equal(new StunServerEvent.NotListening(Address("198.51.100.1:3479"), SocketFailure.InUse, "taken"), serverEvent);
        Assert.False(server.TryTakeEvent(out _));
        Assert.Null(server.NextDeadline);
    }

    [Fact]
    public void A_peer_learns_how_its_connection_looks_with_a_proof_in_an_authenticated_answer()
    {
        var server = Listening("198.51.100.1:3478", "198.51.100.1:3479");
        Accept(server, 2, -1, s_client);
        byte[] answer = Ask(server, -1)!;

        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.Equal((StunClass.SuccessResponse, s_id), (message.Class, message.TransactionId));
        Assert.True(message.HasValidIntegritySha256(s_credential.Key));
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped));
        Assert.Equal(s_client, mapped);
        Assert.True(message.TryGetBytes(StunAttributeType.ReflexiveProof, out var proof));
        Assert.True(ReflexiveProof.TryVerify(s_key, s_peer, s_client, s_local, s_start, proof));
        Assert.True(message.TryGetAddress(StunAttributeType.ResponseOrigin, out var origin));
        Assert.True(message.TryGetAddress(StunAttributeType.OtherAddress, out var other));
        Assert.Equal((Address("198.51.100.1:3479"), Address("198.51.100.1:3478")), (origin, other));
        Assert.Equal((1, 1, 0), (server.Connections, server.Answered, server.Dropped));
    }

    [Fact]
    public void A_connection_that_is_silent_for_a_minute_is_closed_and_every_answer_gives_it_another()
    {
        var server = Listening("198.51.100.1:3478");
        Accept(server, 1, -1, s_client);
        Assert.Equal(At(60), server.NextDeadline);
        Ask(server, -1, At(26));
        Assert.Equal(At(86), server.NextDeadline);
        Deliver(server, -1, [1, 2, 3, 4], At(50)); // garbage is no life
        server.HandleDeadline(At(86) - TimeSpan.FromTicks(1));
        Assert.Empty(Requests(server));
        server.HandleDeadline(At(86));
        Assert.Equal([new SocketRequest.Close(s_connection, Abortive: true)], Requests(server));
        Assert.Equal((0, null), (server.Connections, server.NextDeadline));
        Assert.Null(Ask(server, -1, At(87)));
    }

    [Fact]
    public void Only_so_many_are_served_and_the_longest_silent_gives_way()
    {
        var server = Listening("198.51.100.1:3478");
        for (int i = 1; i <= StunStreamServer.MaxConnections; i++) Accept(server, 1, -i, Host(i));
        Assert.Empty(Requests(server));
        Accept(server, 1, -600, Host(600)); // all are as young as can be
        Assert.Equal([new SocketRequest.Close(new SocketId(-600), Abortive: true)], Requests(server));

        Ask(server, -1, At(1));
        Accept(server, 1, -601, Host(601), At(2));
        Assert.Equal([new SocketRequest.Close(new SocketId(-2), Abortive: true)], Requests(server));
        Assert.Equal((StunStreamServer.MaxConnections, 2), (server.Connections, server.TurnedAway));
        Assert.NotNull(Ask(server, -601, At(2)));
    }

    [Fact]
    public void One_host_gets_a_part_only()
    {
        var server = Listening("198.51.100.1:3478");
        for (int i = 1; i <= StunStreamServer.MaxConnectionsPerHost + 1; i++) Accept(server, 1, -i, s_client.WithPort((ushort)(1_000 + i)));
        Assert.Equal([new SocketRequest.Close(new SocketId(-StunStreamServer.MaxConnectionsPerHost - 1), Abortive: true)], Requests(server));
        server.HandleSocketEvent(default, new SocketEvent.Failed(s_connection, SocketFailure.Closed, ""));
        Accept(server, 1, -500, s_client);
        Accept(server, 1, -501, Host(1));
        Assert.Empty(Requests(server));
        Assert.Equal(StunStreamServer.MaxConnectionsPerHost + 1, server.Connections);
    }

    [Fact]
    public void A_stranger_gets_its_burst_and_then_its_rate()
    {
        var server = Listening("198.51.100.1:3478");
        Accept(server, 1, -1, s_client);
        int answered = 0;
        for (int i = 0; i < 200; i++) answered += Ask(server, -1, default, anonymous: true) is null ? 0 : 1;
        Assert.Equal(StunServerOptions.Default.AnonymousBurst, answered);
    }

    [Fact]
    public void Who_reads_no_answer_is_closed_and_nothing_is_written_to_it()
    {
        var server = Listening("198.51.100.1:3478");
        Accept(server, 1, -1, s_client);
        Accept(server, 1, -2, s_client.WithPort(2));
        Deliver(server, -1, Request(), default);
        Deliver(server, -2, Request(), default);
        server.HandleSocketEvent(default, new SocketEvent.Congested(s_connection));
        Assert.Equal([new SocketRequest.Close(s_connection, Abortive: true)], Requests(server));
        var writer = new DatagramBatchWriter(_memory);
        Assert.True(server.TryWrite(default, ref writer));
        Assert.Equal(new SocketId(-2), writer.Socket);
        writer = new DatagramBatchWriter(_memory);
        Assert.False(server.TryWrite(default, ref writer));
    }

    [Fact]
    public void A_connection_of_another_listener_is_not_served()
    {
        var server = Listening("198.51.100.1:3478");
        Accept(server, 7, -1, s_client);
        Assert.Equal([new SocketRequest.Close(s_connection, Abortive: true)], Requests(server));
        Assert.Equal(0, server.Connections);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Any_order_of_events_keeps_the_count(int seed)
    {
        var random = new Random(seed);
        var server = Listening("198.51.100.1:3478", "198.51.100.1:3479");
        var open = new HashSet<int>();
        var now = default(Instant);
        int last = 0;
        for (int step = 0; step < 20_000; step++)
        {
            now += TimeSpan.FromMilliseconds(random.Next(200));
            switch (random.Next(6))
            {
                case 0 or 1 or 2:
                    open.Add(--last);
                    Accept(server, random.Next(1, 3), last, Host(random.Next(8)).WithPort((ushort)random.Next(1, 65_536)), now);
                    break;
                case 3 when open.Count > 0:
                    Deliver(server, open.ElementAt(random.Next(open.Count)), random.Next(2) == 0 ? Request() : new byte[random.Next(40)], now);
                    break;
                case 4 when open.Count > 0:
                    int broken = open.ElementAt(random.Next(open.Count));
                    open.Remove(broken);
                    server.HandleSocketEvent(now, new SocketEvent.Failed(new SocketId(broken), SocketFailure.Closed, ""));
                    break;
                default:
                    server.HandleDeadline(now);
                    break;
            }

            foreach (var request in Requests(server)) Assert.True(open.Remove(Assert.IsType<SocketRequest.Close>(request).Socket.Value));
            Assert.Equal(open.Count, server.Connections);
            Assert.InRange(open.Count, 0, StunStreamServer.MaxConnections);
            for (var writer = new DatagramBatchWriter(_memory); server.TryWrite(now, ref writer); writer = new DatagramBatchWriter(_memory)) Assert.Contains(writer.Socket.Value, open);
        }
    }

    [Fact]
    public void An_answer_costs_no_memory()
    {
        var server = Listening("198.51.100.1:3478");
        Accept(server, 1, -1, s_client);
        byte[] request = Request(anonymous: true);
        var now = default(Instant);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                now += TimeSpan.FromSeconds(1);
                Deliver(server, -1, request, now);
                var writer = new DatagramBatchWriter(_memory);
                Assert.True(server.TryWrite(now, ref writer));
            }
        }));
    }

    private static StunStreamServer Create(params string[] addresses) => new(
        StunServerOptions.Default with { Listen = [.. addresses.Select(Address)] }, s_key, new WallClock(Instant.Zero, s_start), new TestEntropy(1));

    private static StunStreamServer Listening(params string[] addresses)
    {
        var server = Create(addresses);
        Requests(server);
        for (int i = 0; i < addresses.Length; i++) server.HandleSocketEvent(default, new SocketEvent.Opened(new SocketId(i + 1), Address(addresses[i]), default));
        return server;
    }

    private static List<SocketRequest> Requests(StunStreamServer server)
    {
        var requests = new List<SocketRequest>();
        while (server.TryTakeSocketRequest(out var request)) requests.Add(request);
        return requests;
    }

    private static void Accept(StunStreamServer server, int listener, int socket, TransportAddress remote, Instant now = default) =>
        server.HandleSocketEvent(now, new SocketEvent.Accepted(new SocketId(listener), new SocketId(socket), remote));

    private static byte[] Request(bool anonymous = false)
    {
        var writer = new StunWriter(new byte[700], StunClass.Request, StunMethod.Binding, s_id);
        if (!anonymous)
        {
            writer.WriteAddress(StunAttributeType.LocalCandidate, s_local);
            writer.WriteBytes(StunAttributeType.Username, s_credential.UsernameBytes);
            writer.WriteIntegritySha256(s_credential.Key);
        }

        writer.WriteFingerprint();
        return writer.Written.ToArray();
    }

    private static void Deliver(StunStreamServer server, int socket, byte[] message, Instant now)
    {
        var received = new ReceivedDatagram(new SocketId(socket), s_client, 0, message.Length);
        server.HandleDatagrams(now, new DatagramBatch(message, new ReadOnlySpan<ReceivedDatagram>(in received)));
    }

    private byte[]? Ask(StunStreamServer server, int socket, Instant now = default, bool anonymous = false)
    {
        Deliver(server, socket, Request(anonymous), now);
        var writer = new DatagramBatchWriter(_memory);
        if (!server.TryWrite(now, ref writer)) return null;
        Assert.Equal(new SocketId(socket), writer.Socket);
        return writer.Written.ToArray();
    }

    private static Instant At(int seconds) => Instant.Zero + TimeSpan.FromSeconds(seconds);

    private static TransportAddress Host(int number) => TransportAddress.Parse($"192.0.{2 + number / 250}.{number % 250 + 1}:40000");

    private static TransportAddress Address(string text) => TransportAddress.Parse(text);
}
