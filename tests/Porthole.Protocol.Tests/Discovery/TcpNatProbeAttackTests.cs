using System.Buffers.Binary;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;
using Fate = Porthole.Protocol.Tests.Discovery.TcpProbeNetwork.Fate;

namespace Porthole.Protocol.Tests.Discovery;

/// <summary>What strangers and hostile servers may try over TCP.</summary>
[Collection(nameof(Alone))]
public sealed class TcpNatProbeAttackTests
{
    private const string Local = "192.168.1.10:8900";
    private const string Server = "198.51.100.1:3478";

    private static readonly ShortTermCredential s_credential = new("user", "password");
    private static readonly SocketId s_connection = new(101);
    private readonly byte[] _memory = new byte[2_048];

    [Fact]
    public void A_forged_answer_is_swallowed_and_changes_nothing()
    {
        var (probe, id) = Ask();
        byte[][] forged =
        [
            Answer(id, "203.0.113.66:1", []),
            Answer(id, "203.0.113.66:1", "another key"u8),
            Answer(new TransactionId("another one!"u8), "203.0.113.66:1", s_credential.Key),
            Error(id, StunErrorCode.ServerError, []),
            Error(id, (StunErrorCode)600, "another key"u8),
            [],
            [0x50, 1, 2, 3],
        ];
        foreach (byte[] answer in forged) Assert.True(Deliver(probe, answer));
        Assert.False(probe.TryTakeEvent(out _));
        Assert.False(probe.TryTakeRequest(out _));
        Assert.True(Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key)));
        Assert.True(probe.TryTakeEvent(out var reported));
        Assert.Equal("203.0.113.7:1", Assert.Single(Assert.IsType<TcpNatProbeEvent.Reported>(reported).Report.Mappings).Mapped.ToString());
    }

    [Fact]
    public void Messages_on_other_sockets_are_for_others()
    {
        var (probe, id) = Ask();
        byte[] answer = Answer(id, "203.0.113.7:1", s_credential.Key);
        Assert.False(probe.HandleDatagram(default, new SocketId(1), TransportAddress.Parse(Server), answer));
        Assert.False(probe.HandleSocketEvent(default, new SocketEvent.Failed(new SocketId(1), SocketFailure.Closed, "")));
        Assert.False(probe.HandleSocketEvent(default, new SocketEvent.Opened(new SocketId(1), default, default)));
        Assert.False(probe.HandleSocketEvent(default, new SocketEvent.NetworkChanged([])));
        Assert.False(probe.HandleSocketEvent(default, new SocketEvent.Accepted(new SocketId(1), new SocketId(-1), default)));
        Assert.True(probe.HandleSocketEvent(default, new SocketEvent.Congested(s_connection)));
        Assert.True(probe.HandleSocketEvent(default, new SocketEvent.Writable(s_connection)));
    }

    [Fact]
    public void What_comes_after_the_answer_is_for_nobody()
    {
        var (probe, id) = Ask();
        Assert.True(Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key)));
        Assert.True(probe.TryTakeEvent(out _));
        Assert.True(probe.TryTakeRequest(out var request));
        Assert.Equal(new SocketRequest.Close(s_connection, Abortive: true), request);
        Assert.False(Deliver(probe, Answer(id, "203.0.113.66:1", s_credential.Key)));
        Assert.False(probe.HandleSocketEvent(default, new SocketEvent.Failed(s_connection, SocketFailure.Closed, "")));
        Assert.Equal("203.0.113.7:1", Assert.Single(probe.Report.Mappings).Mapped.ToString());
    }

    [Theory]
    [InlineData("203.0.113.7:0")]
    [InlineData("0.0.0.0:5000")]
    [InlineData("224.0.0.1:5000")]
    [InlineData("[2001:db8::1]:5000")]
    public void A_server_that_invents_an_impossible_address_is_not_believed(string mapped)
    {
        var (probe, id) = Ask();
        Assert.True(Deliver(probe, Answer(id, mapped, s_credential.Key)));
        Assert.False(probe.TryTakeEvent(out _));
    }

    [Theory]
    [InlineData(192, 192)]
    [InlineData(193, 0)]
    public void A_proof_is_kept_up_to_what_a_registration_takes(int size, int kept)
    {
        var (probe, id) = Ask();
        Assert.True(Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key, new byte[size])));
        Assert.Equal(kept, Assert.Single(probe.Report.Mappings).Proof.Length);
    }

    [Fact]
    public void A_port_that_connects_to_itself_reaches_no_server()
    {
        var probe = NewProbe();
        probe.AddPort(default, new SocketId(1), TransportAddress.Parse("127.0.0.1:3478"));
        probe.SetServers(default, [TransportAddress.Parse("127.0.0.1:3478")], s_credential);
        Assert.True(probe.TryTakeRequest(out _));
        Assert.True(probe.HandleSocketEvent(default, new SocketEvent.Opened(s_connection, TransportAddress.Parse("127.0.0.1:3478"), TransportAddress.Parse("127.0.0.1:3478"))));
        Assert.True(probe.TryTakeRequest(out var request));
        Assert.Equal(new SocketRequest.Close(s_connection, Abortive: true), request);
        Assert.Equal(NatMapping.Blocked, probe.Report.Mapping);
    }

    [Fact]
    public void A_server_that_changes_its_mind_at_every_question_makes_no_storm()
    {
        int port = 1;
        var network = new TcpProbeNetwork { Nat = (_, _) => TransportAddress.Parse("203.0.113.7:1").WithPort((ushort)++port) };
        network.AddPort(1, Local);
        network.SetServers(Server);
        network.RunFor(TimeSpan.FromMinutes(10));
        Assert.InRange(network.Connects.Count, 1 + 7 * 2, 1 + 10 * 2); // each refresh: one connection, and the round that follows
    }

    [Fact]
    public void A_server_that_breaks_every_held_connection_sees_one_a_second()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => TransportAddress.Parse("203.0.113.7:40000") };
        network.AddPort(1, Local);
        network.SetServers(Server);
        network.Hold(1);
        for (int i = 0; i < 1_000; i++)
        {
            network.RunFor(TimeSpan.FromMilliseconds(20));
            foreach (var socket in network.Open.Keys.ToList()) network.Break(socket);
        }

        Assert.InRange(network.Connects.Count, 1, 22);
    }

    [Fact]
    public void A_server_that_names_new_servers_over_and_over_makes_no_flood()
    {
        var network = new TcpProbeNetwork { Decide = static (_, _) => Fate.Silent };
        network.AddPort(1, Local);
        for (int i = 0; i < 1_000; i++) network.SetServers($"198.51.100.{i % 200 + 1}:3478");
        Assert.Equal(NatProbe.MaxRounds, network.Connects.Count);
        for (int i = 0; i < 1_000; i++)
        {
            network.RunFor(TimeSpan.FromMilliseconds(20));
            network.SetServers($"198.51.100.{i % 200 + 1}:3478");
        }

        Assert.InRange(network.Connects.Count, NatProbe.MaxRounds + 9, NatProbe.MaxRounds + 11); // twenty seconds: ten rounds
        Assert.Single(network.Open);
    }

    [Fact]
    public void Garbage_is_judged_without_an_exception()
    {
        var random = new Random(5);
        var (probe, id) = Ask();
        byte[] sample = Answer(id, "203.0.113.7:1", s_credential.Key, new byte[20]);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] changed = [.. sample];
            for (int change = random.Next(1, 4); change > 0; change--) changed[random.Next(20, changed.Length)] = (byte)random.Next(256);
            changed = changed[..(random.Next(2) == 0 ? changed.Length : 20 + random.Next(changed.Length - 20))];
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(2), (ushort)(changed.Length - 20));
            if (!changed.AsSpan().SequenceEqual(sample)) Assert.True(Deliver(probe, changed));
        }

        Assert.False(probe.TryTakeEvent(out _)); // none had the key
    }

    /// <summary>
    /// Whatever the network does and the owner asks, in any order: connections are never more than bounded, end in RST, and what is open at the end is held;
    /// each sample is answered; the machine never spins (the network asserts that).
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_order_of_events_leaves_nothing_behind(int seed)
    {
        var random = new Random(seed);
        string[] servers = [.. Enumerable.Range(0, 6).Select(static i => $"198.51.100.{i / 4 + 1}:{3478 + i % 4}")];
        for (int run = 0; run < 60; run++)
        {
            int chosen = random.Next(4);
            var network = new TcpProbeNetwork((ulong)(seed * 1_000 + run))
            {
                Nat = (local, server) => chosen switch
                {
                    0 => local,
                    1 => TransportAddress.Parse("203.0.113.7:40000"),
                    2 => TransportAddress.Parse("203.0.113.7:1").WithPort((ushort)random.Next(1_024, 65_536)),
                    _ => TransportAddress.Parse("203.0.113.7:1").WithPort((ushort)(server.Port + server.GetHashCode() % 7)),
                },
                Decide = (_, _) => (Fate)random.Next(5),
            };
            network.AddPort(1, Local);
            network.AddPort(2, "192.168.2.10:8900");
            for (int step = 0; step < 60; step++)
            {
                switch (random.Next(8))
                {
                    case 0: network.SetServers(servers[..random.Next(servers.Length + 1)]); break;
                    case 1: network.Do(network.Probe.Probe); break;
                    case 2: network.Sample(random.Next(1, 4)); break;
                    case 3: network.Hold(random.Next(1, 4), random.Next(2) == 0); break;
                    case 4 when network.Open.Count > 0: network.Break(network.Open.Keys.ElementAt(random.Next(network.Open.Count))); break;
                    case 5: network.Answers = random.Next(3) != 0; break;
                    default: network.RunFor(TimeSpan.FromMilliseconds(random.Next(1, 3) == 1 ? random.Next(200) : random.Next(30_000))); break;
                }

                Assert.InRange(network.Open.Count, 0, 2 * (TcpNatProbe.MaxAsked + TcpNatProbe.FreshPorts + 3)); // a sample, a refresh and a held one of each port
            }

            network.RunFor(TimeSpan.FromSeconds(2));
            network.Samples.Clear();
            network.Sample(1);
            network.Sample(2);
            network.RunFor(TcpNatProbe.SamplePatience);
            Assert.Equal(2, network.Samples.Count);
            network.Do(now => network.Probe.RemovePort(now, new SocketId(1)));
            network.Do(now => network.Probe.RemovePort(now, new SocketId(2)));
            Assert.Empty(network.Open);
            Assert.All(network.Closes, static close => Assert.True(close.Request.Abortive));
            Assert.Empty(network.Probe.Report.Mappings);
        }
    }

    [Fact]
    public void An_idle_deadline_costs_nothing()
    {
        var (probe, id) = Ask();
        Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key));
        var next = probe.NextDeadline;
        byte[] message = new byte[100];
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                var writer = new DatagramBatchWriter(_memory);
                probe.HandleDeadline(new Instant(i));
                probe.TryWrite(new Instant(i), ref writer);
                probe.HandleDatagram(new Instant(i), new SocketId(1), default, message);
            }
        }));
        Assert.Equal(next, probe.NextDeadline);
    }

    private static TcpNatProbe NewProbe()
    {
        int sockets = s_connection.Value - 1;
        return new TcpNatProbe(NatProbeOptions.Default, new TestEntropy(1), () => new SocketId(++sockets));
    }

    private (TcpNatProbe Probe, TransactionId Id) Ask()
    {
        var probe = NewProbe();
        probe.SetServers(default, [TransportAddress.Parse(Server)], s_credential);
        Assert.True(probe.AddPort(default, new SocketId(1), TransportAddress.Parse(Local)));
        Assert.True(probe.TryTakeRequest(out var connect));
        Assert.Equal(s_connection, connect.Socket);
        var writer = new DatagramBatchWriter(_memory);
        Assert.False(probe.TryWrite(default, ref writer)); // not before the connection is open
        Assert.True(probe.HandleSocketEvent(default, new SocketEvent.Opened(s_connection, TransportAddress.Parse(Local), TransportAddress.Parse(Server))));
        Assert.True(probe.TryWrite(default, ref writer));
        Assert.Equal(s_connection, writer.Socket);
        Assert.True(StunReader.TryParse(writer.Written, out var request));
        Assert.True(request.HasValidIntegritySha256(s_credential.Key));
        Assert.True(request.HasValidFingerprint());
        Assert.True(request.TryGetAddress(StunAttributeType.LocalCandidate, out var shown));
        Assert.Equal(Local, shown.ToString());
        return (probe, request.TransactionId);
    }

    private static bool Deliver(TcpNatProbe probe, ReadOnlySpan<byte> message) =>
        probe.HandleDatagram(default, s_connection, TransportAddress.Parse(Server), message);

    private static byte[] Answer(TransactionId id, string mapped, ReadOnlySpan<byte> key, byte[]? proof = null)
    {
        var writer = new StunWriter(new byte[500], StunClass.SuccessResponse, StunMethod.Binding, id);
        writer.WriteXorAddress(StunAttributeType.XorMappedAddress, TransportAddress.Parse(mapped));
        if (proof is not null) writer.WriteBytes(StunAttributeType.ReflexiveProof, proof);
        if (!key.IsEmpty) writer.WriteIntegritySha256(key);
        return writer.Written.ToArray();
    }

    private static byte[] Error(TransactionId id, StunErrorCode code, ReadOnlySpan<byte> key)
    {
        var writer = new StunWriter(new byte[500], StunClass.ErrorResponse, StunMethod.Binding, id);
        writer.WriteErrorCode(code);
        if (!key.IsEmpty) writer.WriteIntegritySha256(key);
        return writer.Written.ToArray();
    }
}
