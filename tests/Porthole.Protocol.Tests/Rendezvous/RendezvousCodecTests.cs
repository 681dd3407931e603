using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class RendezvousCodecTests
{
    private static readonly IdentityKey s_key = IdentityKey.Generate(new TestEntropy(3));
    private static readonly SessionId s_session = new(0x0123_4567_89AB_CDEF);
    private static readonly CandidateInfo s_candidate = WorldClient.Claim("203.0.113.1:40000", "192.168.1.10:5000") with { Proof = new byte[] { 1, 2, 3 } };
    private static readonly NatFacts s_nat = new(NatMappingFact.EndpointOrAddressDependent, NatAllocationFact.Sequential, -2, true);
    private static readonly NatFacts s_random = new(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Random, 0, true);
    private static readonly NatFacts s_tcpOnly = NatFacts.Unknown with { TcpOnly = true };
    private static readonly NatFacts s_bothNats = s_nat with { Tcp = new TcpNatFacts(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Random, 0, 40_003, 40_250) };
    private static readonly HandshakeOffer s_offer = new(HandshakePattern.IKpsk2, new byte[1_200]);
    private static readonly StunAccess s_access = new("user", "pass", TimeSpan.FromHours(2));

    private static readonly PunchPlan s_plan = new(
        4, true, new IceCredentialInfo("abcd", "0123456789012345678901"), new IceCredentialInfo("ef+/", "0123456789012345678901"),
        [s_candidate, WorldClient.HostAt("[2001:db8::1]:5000")], s_nat, TimeSpan.FromMilliseconds(12.5), TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(65));

    public static TheoryData<ClientMessage> ClientMessages =>
    [
        new ClientMessage.Hello(1, new InstanceId(5), "secret"), new ClientMessage.Hello(1, new InstanceId(5)), new ClientMessage.Allow([s_key.PeerId]),
        new ClientMessage.Know([]), new ClientMessage.Register("bob", AcceptPolicy.Ask, PresenceMode.Room, "garden \u00e9", [s_candidate], s_nat),
        new ClientMessage.Register(null, AcceptPolicy.Anyone, PresenceMode.None, null, [], NatFacts.Unknown), new ClientMessage.Update([s_candidate], s_nat),
        new ClientMessage.Update([s_candidate], s_bothNats), new ClientMessage.Update([], s_tcpOnly), new ClientMessage.Connect(s_session, "bob", null, s_offer, 7), new ClientMessage.Connect(s_session, s_key.PeerId.ToString(), new InstanceId(9), s_offer, 0),
        new ClientMessage.Meet(s_session, "7K2QD", s_offer), new ClientMessage.Meet(s_session, null, s_offer), new ClientMessage.Met(s_session),
        new ClientMessage.Accept(s_session), new ClientMessage.Refuse(s_session), new ClientMessage.Candidates(s_session, 1, [s_candidate]),
        new ClientMessage.Restart(s_session, 0), new ClientMessage.Outcome(s_session, 2, PunchMethod.FreshSocket, VerdictReason.Direct),
        new ClientMessage.Outcome(s_session, 0, PunchMethod.Relay, VerdictReason.UdpBlockedThere), new ClientMessage.Reopen(s_session, s_key.PeerId, 3), new ClientMessage.Release(s_session),
        new ClientMessage.Peers(), new ClientMessage.Ping(long.MaxValue), new ClientMessage.Pong(1),
    ];

    public static TheoryData<ServerMessage> ServerMessages =>
    [
        new ServerMessage.Welcome(1, TransportAddress.Parse("203.0.113.9:1"), [TransportAddress.Parse("0.0.0.0:3478")], s_access), new ServerMessage.Credential(s_access),
        new ServerMessage.Registered("bob", 20), new ServerMessage.Refused(RendezvousError.UnknownPeer, s_session), new ServerMessage.Refused(RendezvousError.WrongToken),
        new ServerMessage.SessionBegun(new SessionPush(s_session, true, s_key.PublicKey, "bob", new InstanceId(2), "bob", null, s_plan)),
        new ServerMessage.SessionBegun(new SessionPush(s_session, false, s_key.PublicKey, null, new InstanceId(2), "bob", s_offer, s_plan)),
        new ServerMessage.Superseded(s_session, new SessionId(1)), new ServerMessage.Incoming(s_session, s_key.PublicKey, null, new InstanceId(1)),
        new ServerMessage.Ringing(s_session), new ServerMessage.Waiting(s_session), new ServerMessage.Candidates(s_session, 0, [s_candidate]), new ServerMessage.Restarted(s_session, s_plan),
        new ServerMessage.Restarted(s_session, s_plan with { Nat = s_bothNats }), new ServerMessage.Restarted(s_session, s_plan with { Nat = s_tcpOnly, Hint = PunchMethod.TcpSpray, WantsOutcome = true }),
        new ServerMessage.Reopened(s_session, 2), new ServerMessage.Closed(s_session, SessionCloseReason.PeerDisconnected),
        new ServerMessage.PeerList([new PeerInfo(s_key.PeerId, "bob"), new PeerInfo(s_key.PeerId, null)], true),
        new ServerMessage.Presence(new PeerInfo(s_key.PeerId, null), false), new ServerMessage.Ping(0), new ServerMessage.Pong(-1),
    ];

    [Theory]
    [MemberData(nameof(ClientMessages))]
    public void A_clients_message_survives_the_way_and_every_truncation_is_refused(ClientMessage message)
    {
        var codec = new RendezvousCodec();
        byte[] json = codec.Encode(message).ToArray();
        Assert.True(RendezvousCodec.TryDecode(json, out ClientMessage? same), Encoding.UTF8.GetString(json));
        Assert.Equal(message.GetType(), same.GetType());
        Assert.Equal(Encoding.UTF8.GetString(json), Encoding.UTF8.GetString(codec.Encode(same)));
        for (int length = 0; length < json.Length; length++) Assert.False(RendezvousCodec.TryDecode(json.AsSpan(0, length), out ClientMessage? _));
        Assert.False(RendezvousCodec.TryDecode((byte[])[.. json, (byte)'}'], out ClientMessage? _));
    }

    [Theory]
    [MemberData(nameof(ServerMessages))]
    public void A_servers_message_survives_the_way_and_every_truncation_is_refused(ServerMessage message)
    {
        var codec = new RendezvousCodec();
        byte[] json = codec.Encode(message).ToArray();
        Assert.True(RendezvousCodec.TryDecode(json, out ServerMessage? same), Encoding.UTF8.GetString(json));
        Assert.Equal(message.GetType(), same.GetType());
        Assert.Equal(Encoding.UTF8.GetString(json), Encoding.UTF8.GetString(codec.Encode(same)));
        for (int length = 0; length < json.Length; length++) Assert.False(RendezvousCodec.TryDecode(json.AsSpan(0, length), out ServerMessage? _));
    }

    [Fact]
    public void All_values_of_a_message_survive()
    {
        var codec = new RendezvousCodec();
        var push = new SessionPush(s_session, false, s_key.PublicKey, "bob", new InstanceId(2), "BOB", s_offer, s_plan with { Nat = s_bothNats });
        Assert.True(RendezvousCodec.TryDecode(codec.Encode(new ServerMessage.SessionBegun(push)), out ServerMessage? message));
        var read = Assert.IsType<ServerMessage.SessionBegun>(message).Push;
        Assert.Equal(push.RemoteKey, read.RemoteKey);
        Assert.Equal((push.RemoteName, push.RemoteInstance, push.Dialled), (read.RemoteName, read.RemoteInstance, read.Dialled));
        Assert.Equal(push.Offer!.Pattern, read.Offer!.Pattern);
        Assert.Equal((s_plan.Local, s_plan.Remote, s_plan.StartDelay, s_plan.RemoteRtt), (read.Plan.Local, read.Plan.Remote, read.Plan.StartDelay, read.Plan.RemoteRtt));
        Assert.Equal(s_bothNats, read.Plan.Nat);
        Assert.Equal(s_candidate.ForPeers(), read.Plan.Candidates[0].ForPeers());
        Assert.Equal(s_candidate.Proof.ToArray(), read.Plan.Candidates[0].Proof.ToArray());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("""{"type":"welcome"}""")]
    [InlineData("""{"type":"nothing"}""")]
    [InlineData("""{"type":7,"stamp":1}""")]
    [InlineData("""{"stamp":1,"type":"ping"}""")]
    [InlineData("""{"type":"ping"}""")]
    [InlineData("""{"type":"ping","stamp":1,"stamp":2}""")]
    [InlineData("""{"type":"ping","stamp":1.5}""")]
    [InlineData("""{"type":"ping","stamp":99999999999999999999}""")]
    [InlineData("""{"type":"ping","stamp":1,"more":[[[[[[[[[[1]]]]]]]]]]}""")]
    [InlineData("""{"type":"allow","list":null}""")]
    [InlineData("""{"type":"allow","list":[null]}""")]
    [InlineData("""{"type":"allow","list":["short"]}""")]
    [InlineData("""{"type":"allow","list":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}""")]
    [InlineData("""{"type":"update","list":[null],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":1,"allocation":"unknown","step":0,"udpReachable":true}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":99999,"udpReachable":true}}""")]
    [InlineData("""{"type":"update","list":[],"nat":null}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true,"tcp":7}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true,"tcp":{}}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true,"tcp":{"mapping":"blocked","allocation":"unknown","step":0,"lowestPort":-1,"highestPort":0}}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true,"tcp":{"mapping":"unknown","allocation":"random","step":0,"lowestPort":1,"highestPort":65536}}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true,"tcpOnly":true}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":false,"tcpOnly":true,"relayOnly":true}}""")]
    [InlineData("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":false,"tcpOnly":1}}""")]
    [InlineData("""{"type":"release","session":"0000000000000000"}""")]
    [InlineData("""{"type":"release","session":null}""")]
    [InlineData("""{"type":"release","session":"\ud800"}""")]
    [InlineData("""{"type":"restart","session":"0000000000000001","generation":-1}""")]
    [InlineData("""{"type":"register","name":null,"policy":"anyone","presence":"none","room":"garden","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true}}""")]
    [InlineData("""{"type":"register","name":null,"policy":"anyone","presence":"room","room":"a\u0007b","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true}}""")]
    public void What_is_no_clients_message_is_refused(string json) => Assert.False(RendezvousCodec.TryDecode(Encoding.UTF8.GetBytes(json), out ClientMessage? _));

    [Fact]
    public void Unknown_members_are_skipped_so_that_newer_programs_can_say_more() =>
        Assert.True(RendezvousCodec.TryDecode("""{"type":"ping","stamp":1,"colour":"red"}"""u8, out ClientMessage? _));

    /// <summary>A peer of before, or one that wants no TCP.</summary>
    [Fact]
    public void Facts_about_TCP_may_be_missing()
    {
        Assert.True(RendezvousCodec.TryDecode("""{"type":"update","list":[],"nat":{"mapping":"unknown","allocation":"unknown","step":0,"udpReachable":true}}"""u8, out ClientMessage? message));
        Assert.Null(Assert.IsType<ClientMessage.Update>(message).Nat.Tcp);
        Assert.False(Assert.IsType<ClientMessage.Update>(message).Nat.TcpOnly);
    }

    [Theory]
    [InlineData(NatAllocationFact.Unknown, 0, 0, 0, true)]
    [InlineData(NatAllocationFact.Preserve, 0, 0, 0, true)]
    [InlineData(NatAllocationFact.Sequential, -2, 0, 0, true)]
    [InlineData(NatAllocationFact.Sequential, 65_535, 0, 0, true)]
    [InlineData(NatAllocationFact.Random, 0, 0, 0, true)]
    [InlineData(NatAllocationFact.Random, 0, 1, 65_535, true)]
    [InlineData(NatAllocationFact.Random, 0, 40_000, 40_000, true)]
    [InlineData(NatAllocationFact.Random, 0, 40_001, 40_000, false)] // upside down
    [InlineData(NatAllocationFact.Random, 0, 0, 40_000, false)] // no port is 0
    [InlineData(NatAllocationFact.Random, 1, 1, 2, false)]
    [InlineData(NatAllocationFact.Preserve, 0, 1, 2, false)]
    [InlineData(NatAllocationFact.Preserve, 1, 0, 0, false)]
    [InlineData(NatAllocationFact.Sequential, 65_536, 0, 0, false)]
    [InlineData(NatAllocationFact.Sequential, 1, 1, 2, false)]
    public void Facts_about_TCP_do_not_contradict_themselves(NatAllocationFact allocation, int step, int lowest, int highest, bool isTaken)
    {
        var facts = new TcpNatFacts(NatMappingFact.AddressAndPortDependent, allocation, step, (ushort)lowest, (ushort)highest);
        var codec = new RendezvousCodec();
        Assert.Equal(isTaken, RendezvousCodec.TryDecode(codec.Encode(new ClientMessage.Update([], s_nat with { Tcp = facts })), out ClientMessage? _));
        Assert.Equal(isTaken, RendezvousCodec.TryDecode(codec.Encode(new ServerMessage.Restarted(s_session, s_plan with { Nat = s_nat with { Tcp = facts } })), out ServerMessage? _));
    }

    [Theory]
    [InlineData(0, 0, 0, true)]
    [InlineData(1, 65_535, 0, true)]
    [InlineData(40_000, 40_000, 1, true)]
    [InlineData(40_960, 41_471, 512, true)]
    [InlineData(1, 65_535, 65_536, true)]
    [InlineData(40_001, 40_000, 0, false)]
    [InlineData(0, 40_000, 0, false)]
    [InlineData(40_000, 0, 0, false)]
    [InlineData(0, 0, 512, false)] // a block of what?
    [InlineData(40_960, 41_472, 512, false)] // a port beyond the block
    [InlineData(40_000, 40_001, 3, false)]
    [InlineData(40_000, 40_001, -2, false)]
    [InlineData(40_000, 40_001, 131_072, false)]
    [InlineData(40_000, 40_001, int.MinValue, false)]
    public void A_band_of_ports_is_one(int lowest, int highest, int block, bool isTaken)
    {
        AssertTaken(isTaken, s_random with { LowestPort = (ushort)lowest, HighestPort = (ushort)highest, BlockSize = block });
        if (lowest != 0) AssertTaken(false, s_nat with { LowestPort = (ushort)lowest, HighestPort = (ushort)highest, BlockSize = block }); // its ports follow each other
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(RendezvousLimits.MaxPooledHosts, RendezvousLimits.MaxHops, true)]
    [InlineData(RendezvousLimits.MaxPooledHosts + 1, 1, false)]
    [InlineData(1, RendezvousLimits.MaxHops + 1, false)]
    [InlineData(-1, 1, false)]
    [InlineData(1, -1, false)]
    public void Numbers_of_hosts_and_hops_are_possible_ones(int hosts, int hops, bool isTaken) => AssertTaken(isTaken, s_nat with { PublicHosts = hosts, OuterHops = hops });

    [Fact]
    public void All_facts_arrive_as_they_were_sent()
    {
        foreach (var filtering in Enum.GetValues<NatFilteringFact>())
        {
            foreach (bool? answer in new bool?[] { null, false, true })
            {
                AssertTaken(true, s_random with
                {
                    Filtering = filtering, LowestPort = 40_960, HighestPort = 41_471, BlockSize = 512, PublicHosts = 2, KeepsParity = answer, IsSpoiledByStrangers = answer, OuterHops = 3,
                    HasPortMapping = answer ?? false,
                });
            }
        }

        AssertTaken(false, s_nat with { Filtering = (NatFilteringFact)99 });
    }

    [Fact]
    public void An_outcome_is_direct_by_a_method_or_relayed_for_a_reason()
    {
        var codec = new RendezvousCodec();
        foreach (var method in Enum.GetValues<PunchMethod>())
        {
            foreach (var reason in Enum.GetValues<VerdictReason>())
            {
                bool isSane = method == PunchMethod.Relay ? reason is not (VerdictReason.Direct or VerdictReason.Pending) : reason == VerdictReason.Direct;
                Assert.Equal(isSane, RendezvousCodec.TryDecode(codec.Encode(new ClientMessage.Outcome(s_session, 0, method, reason)), out ClientMessage? _));
            }

            // The relay is no way to a direct path: a server that says so makes no sense.
            var plan = s_plan with { Hint = method };
            Assert.Equal(method != PunchMethod.Relay, RendezvousCodec.TryDecode(codec.Encode(new ServerMessage.Restarted(s_session, plan)), out ServerMessage? _));
        }

        Assert.False(RendezvousCodec.TryDecode(codec.Encode(new ClientMessage.Outcome(s_session, -1, PunchMethod.Plain, VerdictReason.Direct)), out ClientMessage? _));
    }

    /// <summary>A server of before.</summary>
    [Fact]
    public void A_plan_without_a_hint_wants_no_outcome()
    {
        string json = Encoding.UTF8.GetString(new RendezvousCodec().Encode(new ServerMessage.Restarted(s_session, s_plan)))
            .Replace(",\"hint\":null", "", StringComparison.Ordinal).Replace(",\"wantsOutcome\":false", "", StringComparison.Ordinal);
        Assert.DoesNotContain("hint", json, StringComparison.Ordinal);
        Assert.True(RendezvousCodec.TryDecode(Encoding.UTF8.GetBytes(json), out ServerMessage? message), json);
        var plan = Assert.IsType<ServerMessage.Restarted>(message).Plan;
        Assert.Null(plan.Hint);
        Assert.False(plan.WantsOutcome);
    }

    [Fact]
    public void Every_limit_holds_at_its_edge()
    {
        Check(new ClientMessage.Hello(1, new InstanceId(1), new string('x', 256)), new ClientMessage.Hello(1, new InstanceId(1), new string('x', 257)));
        Check(new ClientMessage.Allow([.. Ids(256)]), new ClientMessage.Allow([.. Ids(257)]));
        Check(new ClientMessage.Update([.. Many(20)], s_nat), new ClientMessage.Update([.. Many(21)], s_nat));
        Check(Connect(new byte[1_200]), Connect(new byte[1_201]));
        Check(Connect(new byte[1]), Connect([]));
        Check(Meet("7K2QD", 1_200), Meet("7K2QD", 1_201));
        Check(Meet(null, 1), Meet(null, 0));
        foreach (string bad in new[] { "", "7K2Q", "7K2QDM", "7k2qd", "7K2QU", "7K-QD", "7K2Q\u0660" }) Check(Meet("7K2QD", 1), Meet(bad, 1));
        Check(Proof(192), Proof(193));
        Check(Foundation(new string('f', 32)), Foundation(new string('f', 33)));
        Check(Foundation("a"), Foundation(""));
        Check(RoomNamed(new string('r', 64)), RoomNamed(new string('r', 65)));
        CheckServer(Plan(TimeSpan.FromMilliseconds(100)), Plan(TimeSpan.FromMilliseconds(101)));
        CheckServer(Password(22), Password(21));
        CheckServer(List(100), List(101));
        CheckServer(Named(new string('n', 32)), Named(new string('n', 33)));
        CheckServer(Named("bob"), Named("bob\u001b[2J")); // nothing that moves a terminal's cursor

        static void Check(ClientMessage good, ClientMessage bad)
        {
            var codec = new RendezvousCodec();
            Assert.True(RendezvousCodec.TryDecode(codec.Encode(good), out ClientMessage? _), good.ToString());
            Assert.False(RendezvousCodec.TryDecode(codec.Encode(bad), out ClientMessage? _), bad.ToString());
        }

        static void CheckServer(ServerMessage good, ServerMessage bad)
        {
            var codec = new RendezvousCodec();
            Assert.True(RendezvousCodec.TryDecode(codec.Encode(good), out ServerMessage? _), good.ToString());
            Assert.False(RendezvousCodec.TryDecode(codec.Encode(bad), out ServerMessage? _), bad.ToString());
        }

        static IEnumerable<PeerId> Ids(int count) => Enumerable.Range(1, count).Select(i =>
        {
            byte[] bytes = new byte[PeerId.Size];
            (bytes[0], bytes[1]) = ((byte)i, (byte)(i >> 8));
            return new PeerId(bytes);
        });
        static IEnumerable<CandidateInfo> Many(int count) => Enumerable.Repeat(s_candidate, count);
        static ClientMessage Connect(byte[] message) => new ClientMessage.Connect(s_session, "bob", null, new HandshakeOffer(HandshakePattern.XX, message), 0);
        static ClientMessage Meet(string? code, int size) => new ClientMessage.Meet(s_session, code, new HandshakeOffer(HandshakePattern.XXpsk2, new byte[size]));
        static ClientMessage Proof(int size) => new ClientMessage.Update([s_candidate with { Proof = new byte[size] }], s_nat);
        static ClientMessage Foundation(string foundation) => new ClientMessage.Update([s_candidate with { Foundation = foundation }], s_nat);
        static ClientMessage RoomNamed(string room) => new ClientMessage.Register(null, AcceptPolicy.Anyone, PresenceMode.Room, room, [], s_nat);
        static ServerMessage Plan(TimeSpan delay) => new ServerMessage.Restarted(s_session, s_plan with { StartDelay = delay });
        static ServerMessage Password(int length) =>
            new ServerMessage.Restarted(s_session, s_plan with { Remote = new IceCredentialInfo("abcd", new string('p', length)) });
        static ServerMessage Named(string name) => new ServerMessage.Presence(new PeerInfo(s_key.PeerId, name), true);
        static ServerMessage List(int count) => new ServerMessage.PeerList([.. Enumerable.Repeat(new PeerInfo(s_key.PeerId, null), count)], true);
    }

    [Fact]
    public void A_message_beyond_16_kB_is_not_even_looked_at()
    {
        string json = """{"type":"ping","stamp":1,"more":"@"}""";
        string fits = json.Replace("@", new string('x', RendezvousLimits.MaxMessage - json.Length + 1), StringComparison.Ordinal);
        Assert.True(RendezvousCodec.TryDecode(Encoding.UTF8.GetBytes(fits), out ClientMessage? _));
        Assert.False(RendezvousCodec.TryDecode(Encoding.UTF8.GetBytes(fits + " "), out ClientMessage? _));
    }

    [Fact]
    public void The_longest_messages_of_an_honest_side_fit()
    {
        var long6 = WorldClient.Claim("[2001:db8:1111:2222:3333:4444:5555:6666]:65535", "[2001:db8:1111:2222:3333:4444:5555:6666]:65535") with
        {
            Proof = new byte[RendezvousLimits.MaxProof], Foundation = new string('f', 32), Priority = uint.MaxValue,
        };
        var codec = new RendezvousCodec();
        CandidateInfo[] many = [.. Enumerable.Repeat(long6, 20)];
        string name = new('n', 32);
        var register = new ClientMessage.Register(name, AcceptPolicy.Known, PresenceMode.Room, new string('\u20ac', 64), [.. many], s_bothNats);
        Assert.True(RendezvousCodec.TryDecode(codec.Encode(register), out ClientMessage? _));
        var plan = s_plan with { Candidates = [.. many], Nat = s_bothNats };
        var push = new SessionPush(s_session, false, s_key.PublicKey, name, new InstanceId(ulong.MaxValue), new string('d', 64), s_offer, plan);
        Assert.True(RendezvousCodec.TryDecode(codec.Encode(new ServerMessage.SessionBegun(push)), out ServerMessage? _));
    }

    [Fact]
    public void Bytes_of_any_kind_never_throw() => Prop.ForAll(
        Gen.ArrayOf(ArbMap.Default.GeneratorFor<byte>()).ToArbitrary(),
        bytes => !RendezvousCodec.TryDecode(bytes, out ClientMessage? _) && !RendezvousCodec.TryDecode(bytes, out ServerMessage? _)).QuickCheckThrowOnFailure();

    [Fact]
    public void A_message_with_any_byte_changed_never_throws()
    {
        var codec = new RendezvousCodec();
        var entropy = new TestEntropy(11);
        byte[][] samples = [.. ClientMessages.Select(row => codec.Encode(row.Data).ToArray()), .. ServerMessages.Select(row => codec.Encode(row.Data).ToArray())];
        string tokens = "{}[]\",:0123456789-.eEntu\\/\u0000\u00ff ";
        for (int round = 0; round < 20_000; round++)
        {
            byte[] copy = [.. samples[entropy.NextInt32(0, samples.Length)]];
            for (int edits = entropy.NextInt32(1, 4); edits > 0; edits--)
                copy[entropy.NextInt32(0, copy.Length)] = entropy.NextInt32(0, 2) == 0 ? (byte)entropy.NextUInt32() : (byte)tokens[entropy.NextInt32(0, tokens.Length)];
            RendezvousCodec.TryDecode(copy, out ClientMessage? _);
            RendezvousCodec.TryDecode(copy, out ServerMessage? _);
        }
    }

    private static void AssertTaken(bool isTaken, NatFacts facts)
    {
        var codec = new RendezvousCodec();
        Assert.Equal(isTaken, RendezvousCodec.TryDecode(codec.Encode(new ClientMessage.Update([], facts)), out ClientMessage? update));
        Assert.Equal(isTaken, RendezvousCodec.TryDecode(codec.Encode(new ServerMessage.Restarted(s_session, s_plan with { Nat = facts })), out ServerMessage? restarted));
        if (!isTaken) return;
        Assert.Equal(facts, Assert.IsType<ClientMessage.Update>(update).Nat);
        Assert.Equal(facts, Assert.IsType<ServerMessage.Restarted>(restarted).Plan.Nat);
    }
}
