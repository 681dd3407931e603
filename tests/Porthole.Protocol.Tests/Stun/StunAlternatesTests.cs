using System.Buffers.Binary;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Stun;

/// <summary>What RFC 5780 asks of a server: answers from another port or address, to another port, and long ones.</summary>
public sealed class StunAlternatesTests
{
    private const uint Port = 0x02, Host = 0x04;

    private static readonly StunServerKey s_key = new(new byte[32]);
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly PeerId s_peer = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);
    private static readonly ShortTermCredential s_credential = new StunCredentialIssuer(s_key).Issue(s_peer, s_start, TimeSpan.FromHours(1));
    private static readonly TransportAddress s_client = TransportAddress.Parse("203.0.113.7:40000");

    private static readonly string[] s_oneHost = ["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.1:3480", "198.51.100.1:3481"];
    private static readonly string[] s_twoHosts = [.. s_oneHost, "198.51.100.2:3478", "198.51.100.2:3479", "198.51.100.2:3480", "198.51.100.2:3481"];

    private delegate void Build(ref StunWriter writer);

    [Theory]
    [InlineData(1, Port, 4)]
    [InlineData(2, Port, 4)]
    [InlineData(3, Port, 4)]
    [InlineData(4, Port, 1)]
    [InlineData(1, Host, 5)]
    [InlineData(4, Host, 8)]
    [InlineData(6, Host, 2)]
    [InlineData(1, Port | Host, 8)]
    [InlineData(4, Port | Host, 5)]
    [InlineData(7, Port | Host, 4)]
    [InlineData(2, 0u, 2)]
    [InlineData(2, 0xFFFFFFF9u, 2)] // all other flags mean nothing
    public void An_answer_comes_from_the_alternate_that_was_asked_for(int asked, uint flags, int from)
    {
        foreach (bool isKnown in new[] { true, false })
        {
            var answer = Ask(Listening(s_twoHosts), asked, Request(isKnown, Change(flags)));
            Assert.Equal((new SocketId(from), s_client), (answer.Socket, answer.Remote));
            Assert.True(StunReader.TryParse(answer.Bytes, out var message));
            Assert.Equal(StunClass.SuccessResponse, message.Class);
            Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped));
            Assert.True(message.TryGetAddress(StunAttributeType.ResponseOrigin, out var origin));
            Assert.True(message.TryGetAddress(StunAttributeType.OtherAddress, out var other));
            Assert.Equal((s_client, Address(s_twoHosts[from - 1])), (mapped, origin));
            Assert.False(other.SameHost(Address(s_twoHosts[asked - 1]))); // of the socket that was asked, whichever answers
            Assert.NotEqual(other.Port, Address(s_twoHosts[asked - 1]).Port);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_server_with_one_address_changes_its_port_only(bool isKnown)
    {
        var server = Listening(s_oneHost);
        Assert.Equal(new SocketId(4), Ask(server, 1, Request(isKnown, Change(Port))).Socket);
        foreach (uint flags in new[] { Host, Host | Port })
        {
            var refusal = Ask(server, 2, Request(isKnown, Change(flags)));
            Assert.Equal(new SocketId(2), refusal.Socket);
            AssertError(refusal.Bytes, StunErrorCode.UnknownAttribute, 0x00, 0x03);
        }
    }

    [Fact]
    public void A_server_with_one_socket_changes_nothing() =>
        AssertError(Ask(Listening("198.51.100.1:3478"), 1, Request(isKnown: true, Change(Port))).Bytes, StunErrorCode.UnknownAttribute, 0x00, 0x03);

    [Fact]
    public void A_socket_that_failed_is_nobodys_alternate()
    {
        var server = Listening(s_oneHost);
        server.HandleSocketEvent(default, new SocketEvent.Failed(new SocketId(4), SocketFailure.InUse, "taken"));
        Assert.Equal(new SocketId(3), Ask(server, 1, Request(isKnown: true, Change(Port))).Socket);
    }

    /// <summary>Two private addresses are on two networks as a rule: an answer from the other would seem to be kept out by the client's NAT.</summary>
    [Theory]
    [InlineData("10.0.0.5:1", "172.17.0.1:1", null, false)]
    [InlineData("198.51.100.1:1", "10.0.0.5:1", null, false)]
    [InlineData("198.51.100.1:1", "127.0.0.1:1", null, false)]
    [InlineData("198.51.100.1:1", "[2001:db8::1]:1", null, false)]
    [InlineData("198.51.100.1:1", "[2001:db8::1]:1", "[2001:db8::1]:0", false)]
    [InlineData("198.51.100.1:1", "203.0.113.1:1", null, true)]
    [InlineData("[2001:db8::1]:1", "[2001:db8::2]:1", null, true)]
    [InlineData("127.0.0.1:1", "127.0.0.2:1", null, true)]
    [InlineData("10.0.0.5:1", "10.0.0.6:1", "10.0.0.6:0", true)]
    [InlineData("10.0.0.5:1", "10.0.0.6:1", "10.0.0.5:9", true)]
    public void Only_hosts_that_clients_can_reach_alike_stand_in_for_each_other(string first, string second, string? chosen, bool areAlternates)
    {
        var options = StunServerOptions.Default with { Listen = [Address(first), Address(second)], SecondHost = chosen is null ? default : Address(chosen) };
        var answer = Ask(Create(options), 1, Request(isKnown: true, Change(Host)));
        Assert.Equal(areAlternates ? new SocketId(2) : new SocketId(1), answer.Socket);
        Assert.True(StunReader.TryParse(answer.Bytes, out var message));
        Assert.Equal(areAlternates ? StunClass.SuccessResponse : StunClass.ErrorResponse, message.Class);
    }

    [Fact]
    public void Strangers_are_told_the_other_address_where_there_is_a_second_host_and_no_more_than_64_bytes()
    {
        var answer = Ask(Listening(s_twoHosts), 1, Request(isKnown: false));
        Assert.True(StunReader.TryParse(answer.Bytes, out var message));
        Assert.True(message.Has(StunAttributeType.OtherAddress) && message.Has(StunAttributeType.ResponseOrigin));
        Assert.Equal(64, answer.Bytes.Length);
        Assert.True(StunReader.TryParse(Ask(Listening(s_oneHost), 1, Request(isKnown: false)).Bytes, out message));
        Assert.False(message.Has(StunAttributeType.OtherAddress) || message.Has(StunAttributeType.ResponseOrigin));
    }

    [Theory]
    [InlineData(1_024, true)]
    [InlineData(65_535, true)]
    [InlineData(1_023, false)]
    [InlineData(0, false)]
    public void An_answer_goes_to_another_port_of_who_asks(int port, bool isServed)
    {
        var answer = Ask(Listening(s_oneHost), 1, Request(isKnown: true, ResponsePort(port)));
        if (!isServed)
        {
            Assert.Equal(s_client, answer.Remote);
            AssertError(answer.Bytes, StunErrorCode.BadRequest);
            return;
        }

        Assert.Equal(s_client.WithPort((ushort)port), answer.Remote);
        Assert.True(StunReader.TryParse(answer.Bytes, out var message));
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped));
        Assert.Equal(s_client, mapped); // what was seen, not where the answer goes
        Assert.False(message.Has(StunAttributeType.ReflexiveProof)); // it was not received there
    }

    [Fact]
    public void Who_names_the_port_that_he_asks_from_gets_a_proof() =>
        Assert.True(StunReader.TryParse(Ask(Listening(s_oneHost), 1, Request(isKnown: true, ResponsePort(s_client.Port))).Bytes, out var message) && message.Has(StunAttributeType.ReflexiveProof));

    [Fact]
    public void Strangers_answers_go_to_no_other_port_and_are_not_padded()
    {
        var server = Listening(s_twoHosts);
        AssertError(Ask(server, 1, Request(isKnown: false, ResponsePort(5_000))).Bytes, StunErrorCode.UnknownAttribute, 0x00, 0x27);
        AssertError(Ask(server, 1, Request(isKnown: false, Padding(1_000))).Bytes, StunErrorCode.UnknownAttribute, 0x00, 0x26);
    }

    [Fact]
    public void Another_port_and_other_attributes_may_be_asked_for_together()
    {
        var server = Listening(s_twoHosts);
        var answer = Ask(server, 1, Request(isKnown: true, static (ref writer) =>
        {
            Change(Port | Host)(ref writer);
            ResponsePort(5_000)(ref writer);
        }));
        Assert.Equal((new SocketId(8), s_client.WithPort(5_000)), (answer.Socket, answer.Remote));
        AssertError(
            Ask(server, 1, Request(isKnown: true, static (ref writer) =>
            {
                Padding(100)(ref writer);
                ResponsePort(5_000)(ref writer);
            })).Bytes,
            StunErrorCode.BadRequest);
    }

    [Fact]
    public void A_refused_request_is_answered_where_it_came_from()
    {
        var answer = Ask(Listening(s_twoHosts), 1, Request(isKnown: true, static (ref writer) =>
        {
            Change(Port)(ref writer);
            ResponsePort(5_000)(ref writer);
            writer.WriteFlag((StunAttributeType)0x7F00);
        }));
        Assert.Equal((new SocketId(1), s_client), (answer.Socket, answer.Remote));
        AssertError(answer.Bytes, StunErrorCode.UnknownAttribute, 0x7F, 0x00);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void A_malformed_wish_is_refused(int length)
    {
        foreach (var type in new[] { StunAttributeType.ChangeRequest, StunAttributeType.ResponsePort })
        {
            var answer = Ask(Listening(s_twoHosts), 1, Request(isKnown: true, (ref writer) => writer.WriteZeros(type, length)));
            AssertError(answer.Bytes, StunErrorCode.BadRequest);
        }
    }

    [Fact]
    public void A_padded_answer_is_never_longer_than_the_request()
    {
        var server = Create(StunServerOptions.Default with { Listen = [.. s_oneHost.Select(Address)], PeerBurst = 1_000 });
        for (int size = 0; size <= 1_900; size += size < 200 ? 1 : 50)
        {
            byte[] request = Request(isKnown: true, Padding(size));
            byte[] answer = Ask(server, 1, request).Bytes;
            Assert.True(StunReader.TryParse(answer, out var message));
            Assert.Equal(StunClass.SuccessResponse, message.Class);
            Assert.True(message.HasValidIntegritySha256(s_credential.Key) && message.HasValidFingerprint());
            if (!message.Has(StunAttributeType.Padding)) Assert.InRange(request.Length, 0, StunResponder.MaxAnswer); // there was no room
            else Assert.Equal(Math.Min(request.Length, StunResponder.MaxPaddedAnswer), answer.Length);
        }
    }

    [Fact]
    public void Over_tcp_answers_come_back_on_the_connection_they_were_asked_on()
    {
        var responder = new StunResponder(StunServerOptions.Default, s_key, new WallClock(Instant.Zero, s_start), new TestEntropy(1));
        byte[] answer = new byte[StunResponder.MaxAnswer];
        foreach (var build in new[] { Change(Port), ResponsePort(5_000), Padding(1_000) })
        {
            int length = responder.Respond(Instant.Zero, s_client, Address(s_oneHost[0]), Address(s_oneHost[3]), Request(isKnown: true, build), answer);
            Assert.True(StunReader.TryParse(answer.AsSpan(0, length), out var message) && message.TryGetErrorCode(out var code, out _) && code == StunErrorCode.UnknownAttribute);
        }
    }

    [Fact]
    public void Limits_hold_whichever_socket_answers()
    {
        var server = Create(StunServerOptions.Default with { Listen = [.. s_twoHosts.Select(Address)], PeerBurst = 5, AnonymousBurst = 3 });
        Assert.Equal(5, Enumerable.Range(0, 20).Count(i => TryAsk(server, i % 8 + 1, Request(isKnown: true, Change((uint)i % 8 & 6))) is not null));
        Assert.Equal(3, Enumerable.Range(0, 20).Count(i => TryAsk(server, i % 8 + 1, Request(isKnown: false, Change((uint)i % 8 & 6))) is not null));
    }

    /// <summary>Whatever a request holds: one answer at most, from an own socket, to the host it came from, not much longer than the request.</summary>
    [Fact]
    public void No_request_makes_the_server_send_far_or_much()
    {
        var random = new Random(11);
        var server = Create(StunServerOptions.Default with { Listen = [.. s_twoHosts.Select(Address)], PeerBurst = 100_000, AnonymousBurst = 100_000 });
        StunAttributeType[] types =
        [
            StunAttributeType.ChangeRequest, StunAttributeType.ResponsePort, StunAttributeType.Padding, StunAttributeType.LocalCandidate, (StunAttributeType)0x7F00,
            StunAttributeType.OtherAddress,
        ];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] request = Request(random.Next(2) == 0, (ref writer) =>
            {
                for (int count = random.Next(4); count > 0; count--)
                {
                    byte[] value = new byte[random.Next(3) == 0 ? random.Next(60) : 4];
                    random.NextBytes(value);
                    writer.WriteBytes(types[random.Next(types.Length)], value);
                }
            });
            if (TryAsk(server, random.Next(1, 9), request) is not { } answer) continue;
            Assert.InRange(answer.Socket.Value, 1, 8);
            Assert.True(answer.Remote.SameHost(s_client) && answer.Remote.Port >= StunResponder.MinResponsePort);
            Assert.InRange(answer.Bytes.Length, 20, Math.Max(StunResponder.MaxAnswer, request.Length));
            Assert.True(StunReader.TryParse(answer.Bytes, out var message) && message.Class is StunClass.SuccessResponse or StunClass.ErrorResponse);
        }
    }

    private static Build Change(uint flags) => (ref writer) => writer.WriteUInt32(StunAttributeType.ChangeRequest, flags);

    private static Build ResponsePort(int port) => (ref writer) =>
    {
        Span<byte> value = stackalloc byte[4];
        value.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(value, (ushort)port);
        writer.WriteBytes(StunAttributeType.ResponsePort, value);
    };

    private static Build Padding(int size) => (ref writer) => writer.WriteZeros(StunAttributeType.Padding, size);

    private static byte[] Request(bool isKnown, Build? build = null)
    {
        var writer = new StunWriter(new byte[3_000], StunClass.Request, StunMethod.Binding, new TransactionId("transaction!"u8));
        build?.Invoke(ref writer);
        if (isKnown)
        {
            writer.WriteAddress(StunAttributeType.LocalCandidate, TransportAddress.Parse("192.168.1.10:5000"));
            writer.WriteBytes(StunAttributeType.Username, s_credential.UsernameBytes);
            writer.WriteIntegritySha256(s_credential.Key);
        }

        writer.WriteFingerprint();
        return writer.Written.ToArray();
    }

    private static StunServer Listening(params string[] addresses) => Create(StunServerOptions.Default with { Listen = [.. addresses.Select(Address)] });

    private static StunServer Create(StunServerOptions options)
    {
        var server = new StunServer(options, s_key, new WallClock(Instant.Zero, s_start), new TestEntropy(1));
        for (int i = 0; i < options.Listen.Length; i++) server.HandleSocketEvent(default, new SocketEvent.Opened(new SocketId(i + 1), options.Listen[i], default));
        return server;
    }

    private static Answer Ask(StunServer server, int socket, byte[] request)
    {
        var answer = TryAsk(server, socket, request);
        Assert.NotNull(answer);
        return answer;
    }

    private static Answer? TryAsk(StunServer server, int socket, byte[] request)
    {
        server.HandleDatagrams(default, new DatagramBatch(request, [new ReceivedDatagram(new SocketId(socket), s_client, 0, request.Length)]));
        var writer = new DatagramBatchWriter(new byte[2_048]);
        if (!server.TryWrite(default, ref writer)) return null;
        var answer = new Answer(writer.Socket, writer.Remote, writer.Written.ToArray());
        writer = new DatagramBatchWriter(new byte[2_048]);
        Assert.False(server.TryWrite(default, ref writer));
        return answer;
    }

    private static void AssertError(byte[] answer, StunErrorCode code, params byte[] unknown)
    {
        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.Equal(StunClass.ErrorResponse, message.Class);
        Assert.True(message.TryGetErrorCode(out var actual, out _));
        Assert.Equal(code, actual);
        message.TryGetBytes(StunAttributeType.UnknownAttributes, out var list);
        Assert.Equal(unknown, list.ToArray());
    }

    private static TransportAddress Address(string text) => TransportAddress.Parse(text);

    private sealed record Answer(SocketId Socket, TransportAddress Remote, byte[] Bytes);
}
