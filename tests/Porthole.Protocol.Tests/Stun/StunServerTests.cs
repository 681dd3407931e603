using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Stun;

public sealed class StunServerTests
{
    private static readonly StunServerKey s_key = new(new byte[32]);
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly PeerId s_peer = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);
    private static readonly ShortTermCredential s_credential = new StunCredentialIssuer(s_key).Issue(s_peer, s_start, TimeSpan.FromHours(1));
    private static readonly TransportAddress s_client = TransportAddress.Parse("203.0.113.7:40000");
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:5000");
    private static readonly TransactionId s_id = new("transaction!"u8);

    private delegate void Build(ref StunWriter writer);

    private enum Signed { No, Sha1, Sha256 }

    [Fact]
    public void It_asks_for_its_sockets_and_tells_what_became_of_them()
    {
        var server = Create(StunServerOptions.Default with { Listen = [Address("198.51.100.1:3478"), Address("198.51.100.1:3479")] });
        Assert.True(server.TryTakeSocketRequest(out var request));
        Assert.Equal(new SocketRequest.UdpBind(new SocketId(1), Address("198.51.100.1:3478")), request);
        Assert.True(server.TryTakeSocketRequest(out request));
        Assert.Equal(new SocketRequest.UdpBind(new SocketId(2), Address("198.51.100.1:3479")), request);
        Assert.False(server.TryTakeSocketRequest(out _));

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
    public void Anybody_learns_the_mapped_address_and_nothing_else()
    {
        var server = Listening("198.51.100.1:3478", "198.51.100.1:3479");
        byte[] answer = Ask(server, 2, Request(Signed.No, withFingerprint: false))!;

        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.Equal((StunClass.SuccessResponse, s_id), (message.Class, message.TransactionId));
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped));
        Assert.Equal(s_client, mapped);
        Assert.Equal(32, answer.Length); // the header and this one attribute
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_peer_learns_the_address_with_a_proof_in_an_authenticated_answer(bool sha256)
    {
        var server = Listening("198.51.100.1:3478", "198.51.100.1:3479");
        byte[] answer = Ask(server, 1, Request(sha256 ? Signed.Sha256 : Signed.Sha1))!;

        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.Equal(StunClass.SuccessResponse, message.Class);
        Assert.Equal(sha256, message.HasValidIntegritySha256(s_credential.Key));
        Assert.Equal(!sha256, message.HasValidIntegrity(s_credential.Key));
        Assert.True(message.HasValidFingerprint());
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped));
        Assert.Equal(s_client, mapped);
        Assert.True(message.TryGetBytes(StunAttributeType.ReflexiveProof, out var proof));
        Assert.True(ReflexiveProof.TryVerify(s_key, s_peer, s_client, s_local, s_start, proof));
        Assert.True(message.TryGetAddress(StunAttributeType.ResponseOrigin, out var origin));
        Assert.True(message.TryGetAddress(StunAttributeType.OtherAddress, out var other));
        Assert.Equal((Address("198.51.100.1:3478"), Address("198.51.100.1:3479")), (origin, other));
    }

    [Fact]
    public void The_longest_answer_fits()
    {
        var server = Listening("[2001:db8::1]:3478", "[2001:db8::2]:3479");
        byte[] answer = Ask(server, 1, Request(Signed.Sha256), "[2001:db8::ffff]:1")!;
        Assert.Equal(StunResponder.MaxAnswer, answer.Length);
    }

    [Fact]
    public void The_other_address_is_on_another_host_if_there_is_one()
    {
        var server = Listening("198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478", "198.51.100.2:3479", "[2001:db8::1]:3480");
        Assert.True(StunReader.TryParse(Ask(server, 1, Request(Signed.Sha1)), out var message));
        Assert.True(message.TryGetAddress(StunAttributeType.OtherAddress, out var other));
        Assert.Equal(Address("198.51.100.2:3479"), other);
        Assert.True(StunReader.TryParse(Ask(server, 5, Request(Signed.Sha1), "[2001:db8::ffff]:1"), out message));
        Assert.False(message.Has(StunAttributeType.OtherAddress)); // no second IPv6 socket
    }

    [Fact]
    public void An_answer_leaves_the_socket_that_was_asked()
    {
        var server = Listening("198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.1:3480");
        for (int socket = 1; socket <= 3; socket++) Assert.NotNull(Ask(server, socket, Request(Signed.No)));
        Assert.Equal(3, server.Answered);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Unknown_attributes_are_refused_with_420_and_a_list(bool authenticated)
    {
        var server = Listening("198.51.100.1:3478");
        byte[] answer = Ask(server, 1, Request(authenticated ? Signed.Sha1 : Signed.No, static (ref writer) =>
        {
            for (int type = 0x7F00; type < 0x7F00 + 10; type++) writer.WriteFlag((StunAttributeType)type);
        }))!;

        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.Equal(StunClass.ErrorResponse, message.Class);
        Assert.True(message.TryGetErrorCode(out var code, out _));
        Assert.Equal(StunErrorCode.UnknownAttribute, code);
        Assert.True(message.TryGetBytes(StunAttributeType.UnknownAttributes, out var list));
        Assert.Equal([0x7F, 0x00, 0x7F, 0x01, 0x7F, 0x02, 0x7F, 0x03], list.ToArray()); // MaxUnknownListed
        Assert.Equal(authenticated, message.HasValidIntegrity(s_credential.Key));
        Assert.False(message.Has(StunAttributeType.XorMappedAddress));
    }

    [Fact]
    public void Without_the_whole_credentials_the_request_is_bad()
    {
        var server = Listening("198.51.100.1:3478");
        AssertRefused(StunErrorCode.BadRequest, Ask(server, 1, Request(Signed.No, static (ref writer) => writer.WriteText(StunAttributeType.Username, "u"))));
        AssertRefused(StunErrorCode.BadRequest, Ask(server, 1, Request(Signed.No, static (ref writer) => writer.WriteIntegrity([1]))));
    }

    [Fact]
    public void A_forged_request_gets_no_address_and_no_proof()
    {
        var server = Listening("198.51.100.1:3478");
        byte[] request = Request(Signed.Sha1, withFingerprint: false);
        request[^1] ^= 1;
        AssertRefused(StunErrorCode.Unauthenticated, Ask(server, 1, request));
        var stranger = new StunCredentialIssuer(new StunServerKey([.. Enumerable.Repeat((byte)9, 32)])).Issue(s_peer, s_start);
        AssertRefused(StunErrorCode.Unauthenticated, Ask(server, 1, Request(Signed.Sha1, credential: stranger)));
    }

    [Theory]
    [InlineData(3_599, true)]
    [InlineData(3_600, false)]
    public void A_credential_is_good_until_it_expires(int seconds, bool isGood)
    {
        var server = Listening("198.51.100.1:3478");
        byte[]? answer = Ask(server, 1, Request(Signed.Sha1), now: Instant.FromMilliseconds(1_000.0 * seconds));
        if (isGood) Assert.True(StunReader.TryParse(answer, out var message) && message.Class == StunClass.SuccessResponse);
        else AssertRefused(StunErrorCode.Unauthenticated, answer);
    }

    [Fact]
    public void A_clock_that_is_set_moves_the_expiry()
    {
        var server = Listening("198.51.100.1:3478");
        server.SetWallClock(new WallClock(Instant.Zero, s_start + TimeSpan.FromHours(2)));
        AssertRefused(StunErrorCode.Unauthenticated, Ask(server, 1, Request(Signed.Sha1)));
    }

    /// <summary>Who replays a peer's request from elsewhere gets a proof of where he himself receives, in that peer's name: of no use to him, harmless to it.</summary>
    [Fact]
    public void A_replayed_request_proves_the_address_it_came_from()
    {
        var server = Listening("198.51.100.1:3478");
        byte[] answer = Ask(server, 1, Request(Signed.Sha1), "192.0.2.66:666")!;
        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.True(message.TryGetBytes(StunAttributeType.ReflexiveProof, out var proof));
        Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, s_client, s_local, s_start, proof));
        Assert.False(ReflexiveProof.TryVerify(s_key, default, Address("192.0.2.66:666"), s_local, s_start, proof));
    }

    [Fact]
    public void Without_a_local_candidate_there_is_no_proof()
    {
        var server = Listening("198.51.100.1:3478");
        Assert.True(StunReader.TryParse(Ask(server, 1, Request(Signed.Sha1, withLocal: false)), out var message));
        Assert.False(message.Has(StunAttributeType.ReflexiveProof));
        Assert.True(message.HasValidIntegrity(s_credential.Key));
    }

    [Fact]
    public void Only_binding_requests_are_answered()
    {
        var server = Listening("198.51.100.1:3478");
        Span<byte> buffer = stackalloc byte[100];
        foreach (var messageClass in Enum.GetValues<StunClass>())
        {
            for (int method = 0; method < 0x1000; method += messageClass == StunClass.Request ? 1 : 0x100)
            {
                if (messageClass == StunClass.Request && method == (int)StunMethod.Binding) continue;
                var writer = new StunWriter(buffer, messageClass, (StunMethod)method, s_id);
                Assert.Null(Ask(server, 1, writer.Written.ToArray()));
            }
        }
    }

    [Fact]
    public void The_servers_own_answers_are_not_answered()
    {
        var server = Listening("198.51.100.1:3478", "198.51.100.1:3479");
        byte[] answer = Ask(server, 1, Request(Signed.Sha1))!;
        Assert.Null(Ask(server, 2, answer, "198.51.100.1:3478"));
        byte[] refusal = Ask(server, 1, Request(Signed.No, static (ref writer) => writer.WriteText(StunAttributeType.Username, "u")))!;
        Assert.Null(Ask(server, 2, refusal, "198.51.100.1:3478"));
    }

    [Theory]
    [InlineData("203.0.113.7:0")]
    [InlineData("0.0.0.0:5000")]
    [InlineData("224.0.0.1:5000")]
    [InlineData("255.255.255.255:5000")]
    [InlineData("[ff02::1]:5000")]
    public void Who_cannot_be_there_is_not_answered(string remote) => Assert.Null(Ask(Listening("198.51.100.1:3478"), 1, Request(Signed.No), remote));

    [Fact]
    public void A_wrong_fingerprint_is_dropped()
    {
        byte[] request = Request(Signed.No);
        request[^1] ^= 1;
        Assert.Null(Ask(Listening("198.51.100.1:3478"), 1, request));
    }

    [Fact]
    public void A_socket_that_is_not_its_own_is_not_answered() => Assert.Null(Ask(Listening("198.51.100.1:3478"), 2, Request(Signed.No)));

    [Fact]
    public void Garbage_is_dropped_without_an_exception()
    {
        var server = Listening("198.51.100.1:3478");
        var random = new Random(3);
        byte[][] samples = [Request(Signed.No), Request(Signed.Sha1), Request(Signed.Sha256)];
        for (int i = 0; i < 5_000; i++)
        {
            byte[] changed = [.. samples[i % 3]];
            for (int change = random.Next(1, 5); change > 0; change--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
            Ask(server, 1, changed[..random.Next(changed.Length + 1)], now: Instant.FromMilliseconds(i * 100));
        }
    }

    [Fact]
    public void A_stranger_gets_its_burst_and_then_its_rate()
    {
        var server = Create(StunServerOptions.Default with { Listen = [Address("198.51.100.1:3478")], AnonymousBurst = 5, AnonymousRate = 2 }, open: true);
        Assert.Equal(5, Flood(server, Request(Signed.No), 20, Instant.Zero));
        Assert.Null(Ask(server, 1, Request(Signed.No), now: Instant.FromMilliseconds(499)));
        Assert.NotNull(Ask(server, 1, Request(Signed.No), now: Instant.FromMilliseconds(500)));
        Assert.NotNull(Ask(server, 1, Request(Signed.No), "203.0.113.8:1", Instant.FromMilliseconds(500)));
    }

    [Fact]
    public void A_peer_gets_its_burst_and_then_its_rate()
    {
        var server = Create(StunServerOptions.Default with { Listen = [Address("198.51.100.1:3478")], PeerBurst = 5, PeerRate = 2 }, open: true);
        Assert.Equal(5, Flood(server, Request(Signed.Sha1), 20, Instant.Zero));
        Assert.Null(Ask(server, 1, Request(Signed.Sha1), now: Instant.FromMilliseconds(499)));
        Assert.NotNull(Ask(server, 1, Request(Signed.Sha1), now: Instant.FromMilliseconds(500)));
    }

    [Fact]
    public void A_stranger_who_spoofs_a_peers_address_does_not_silence_the_peer()
    {
        var server = Listening("198.51.100.1:3478");
        byte[] forged = Request(Signed.Sha1, withFingerprint: false);
        forged[^1] ^= 1;
        Assert.Equal(StunServerOptions.Default.AnonymousBurst, Flood(server, forged, 1_000, Instant.Zero));
        Assert.Equal(0, Flood(server, Request(Signed.No), 1_000, Instant.Zero));
        Assert.NotNull(Ask(server, 1, Request(Signed.Sha1)));
    }

    [Fact]
    public void A_flood_from_spoofed_sources_is_bounded_in_answers_and_memory()
    {
        var options = StunServerOptions.Default with { Listen = [Address("198.51.100.1:3478")], AnonymousTotalRate = 1_000, MaxSources = 64 };
        var server = Create(options, open: true);
        byte[] request = Request(Signed.No);
        var memory = new byte[2_048];
        int answered = 0, i = 0;
        Assert.Equal(0, Allocations.Least(() => Flood(12_500)));
        while (i < 100_000) Flood(12_500);

        Assert.InRange(answered, 1_090, 1_101); // the burst, a tenth of a second's worth, and a second's worth

        void Flood(int count)
        {
            for (int end = i + count; i < end; i++) Ask();
        }

        void Ask()
        {
            var remote = new TransportAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i], 5_000);
            var now = Instant.FromMilliseconds(i / 100.0); // 100,000 a second, for a second
            server.HandleDatagrams(now, new DatagramBatch(request, [new ReceivedDatagram(new SocketId(1), remote, 0, request.Length)]));
            var writer = new DatagramBatchWriter(memory);
            while (server.TryWrite(now, ref writer))
            {
                answered++;
                writer = new DatagramBatchWriter(memory);
            }
        }
    }

    [Fact]
    public void More_answers_than_may_wait_are_dropped()
    {
        var server = Create(StunServerOptions.Default with { Listen = [Address("198.51.100.1:3478")], PeerBurst = 10_000 }, open: true);
        byte[] request = Request(Signed.Sha1);
        var one = new ReceivedDatagram(new SocketId(1), s_client, 0, request.Length);
        server.HandleDatagrams(Instant.Zero, new DatagramBatch(request, Enumerable.Repeat(one, StunServer.MaxPending + 1).ToArray()));
        Assert.Equal((StunServer.MaxPending, 1), (server.Answered, server.Dropped));
        int written = 0;
        var memory = new byte[2_048];
        for (var writer = new DatagramBatchWriter(memory); server.TryWrite(Instant.Zero, ref writer); writer = new DatagramBatchWriter(memory)) written++;
        Assert.Equal(StunServer.MaxPending, written);
    }

    private static StunServer Create(StunServerOptions options, bool open = false)
    {
        var server = new StunServer(options, s_key, new WallClock(Instant.Zero, s_start), new TestEntropy(1));
        for (int i = 0; open && i < options.Listen.Length; i++)
        {
            server.HandleSocketEvent(default, new SocketEvent.Opened(new SocketId(i + 1), options.Listen[i], default));
        }

        return server;
    }

    private static StunServer Listening(params string[] addresses) =>
        Create(StunServerOptions.Default with { Listen = [.. addresses.Select(Address)] }, open: true);

    private static TransportAddress Address(string text) => TransportAddress.Parse(text);

    private static byte[] Request(
        Signed signed, Build? build = null, bool withLocal = true, bool withFingerprint = true, ShortTermCredential? credential = null)
    {
        credential ??= s_credential;
        var writer = new StunWriter(new byte[400], StunClass.Request, StunMethod.Binding, s_id);
        build?.Invoke(ref writer);
        if (signed != Signed.No)
        {
            if (withLocal) writer.WriteAddress(StunAttributeType.LocalCandidate, s_local);
            writer.WriteBytes(StunAttributeType.Username, credential.UsernameBytes);
            if (signed == Signed.Sha1) writer.WriteIntegrity(credential.Key);
            else writer.WriteIntegritySha256(credential.Key);
        }

        if (withFingerprint) writer.WriteFingerprint();
        return writer.Written.ToArray();
    }

    private static byte[]? Ask(StunServer server, int socket, byte[] request, string? remote = null, Instant now = default)
    {
        var from = remote is null ? s_client : Address(remote);
        byte[] before = [.. request];
        server.HandleDatagrams(now, new DatagramBatch(request, [new ReceivedDatagram(new SocketId(socket), from, 0, request.Length)]));
        Assert.Equal(before, request);
        var writer = new DatagramBatchWriter(new byte[2_048]);
        if (!server.TryWrite(now, ref writer)) return null;
        Assert.Equal((new SocketId(socket), from), (writer.Socket, writer.Remote));
        byte[] answer = writer.Written.ToArray();
        writer = new DatagramBatchWriter(new byte[2_048]);
        Assert.False(server.TryWrite(now, ref writer));
        return answer;
    }

    private static int Flood(StunServer server, byte[] request, int times, Instant now)
    {
        int answered = 0;
        for (int i = 0; i < times; i++) answered += Ask(server, 1, request, now: now) is null ? 0 : 1;
        return answered;
    }

    private static void AssertRefused(StunErrorCode code, byte[]? answer)
    {
        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.Equal(StunClass.ErrorResponse, message.Class);
        Assert.True(message.TryGetErrorCode(out var actual, out _));
        Assert.Equal(code, actual);
        Assert.False(message.Has(StunAttributeType.XorMappedAddress) || message.Has(StunAttributeType.ReflexiveProof));
        Assert.True(answer!.Length <= 36); // header, code, fingerprint
    }
}
