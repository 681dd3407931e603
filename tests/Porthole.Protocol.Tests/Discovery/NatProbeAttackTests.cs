using System.Buffers.Binary;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Discovery;

/// <summary>What strangers and hostile servers may try.</summary>
[Collection(nameof(Alone))]
public sealed class NatProbeAttackTests
{
    private const string Local = "192.168.1.10:5000";
    private const string Server = "198.51.100.1:3478";

    private static readonly ShortTermCredential s_credential = new("user", "password");
    private readonly byte[] _memory = new byte[2_048];

    [Fact]
    public void An_answer_from_elsewhere_is_swallowed_and_changes_nothing()
    {
        var (probe, id) = Ask(s_credential);
        byte[] answer = Answer(id, "203.0.113.7:1", s_credential.Key);
        Assert.True(probe.HandleDatagram(default, new SocketId(1), TransportAddress.Parse("198.51.100.1:3479"), answer));
        Assert.True(probe.HandleDatagram(default, new SocketId(2), TransportAddress.Parse(Server), answer));
        Assert.False(probe.TryTakeEvent(out _));
        Assert.True(probe.HandleDatagram(default, new SocketId(1), TransportAddress.Parse(Server), answer)); // the true one still counts
        Assert.True(probe.TryTakeEvent(out _));
    }

    [Fact]
    public void A_forged_answer_changes_nothing()
    {
        var (probe, id) = Ask(s_credential);
        byte[][] forged =
        [
            Answer(id, "203.0.113.66:1", []),
            Answer(id, "203.0.113.66:1", "another key"u8),
            Error(id, StunErrorCode.ServerError, []),
            Error(id, (StunErrorCode)600, "another key"u8),
        ];
        foreach (byte[] answer in forged) Assert.True(Deliver(probe, answer));
        Assert.False(probe.TryTakeEvent(out _));
        Assert.True(Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key)));
        Assert.True(probe.TryTakeEvent(out var reported));
        Assert.Equal("203.0.113.7:1", Assert.Single(Assert.IsType<NatProbeEvent.Reported>(reported).Report.Mappings).Mapped.ToString());
    }

    [Fact]
    public void A_replayed_answer_changes_nothing()
    {
        var (probe, id) = Ask(s_credential);
        Assert.True(Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key)));
        Assert.True(probe.TryTakeEvent(out _));
        Assert.True(Deliver(probe, Answer(id, "203.0.113.66:1", s_credential.Key)));
        Assert.False(probe.TryTakeEvent(out _));
        Assert.Equal("203.0.113.7:1", Assert.Single(probe.Report.Mappings).Mapped.ToString());
    }

    [Theory]
    [InlineData("203.0.113.7:0")]
    [InlineData("0.0.0.0:5000")]
    [InlineData("224.0.0.1:5000")]
    [InlineData("[2001:db8::1]:5000")]
    public void A_server_that_invents_an_impossible_address_is_not_believed(string mapped)
    {
        var (probe, id) = Ask(s_credential);
        Assert.True(Deliver(probe, Answer(id, mapped, s_credential.Key)));
        Assert.False(probe.TryTakeEvent(out _));
    }

    [Theory]
    [InlineData(192, 192)]
    [InlineData(193, 0)]
    public void A_proof_is_kept_up_to_what_a_registration_takes(int size, int kept)
    {
        var (probe, id) = Ask(s_credential);
        Assert.True(Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key, new byte[size])));
        Assert.Equal(kept, Assert.Single(probe.Report.Mappings).Proof.Length);
    }

    [Fact]
    public void A_server_that_changes_its_mind_at_every_refresh_makes_no_storm()
    {
        int port = 1;
        var network = new ProbeNetwork { Nat = (_, _) => TransportAddress.Parse("203.0.113.7:1").WithPort((ushort)++port) };
        network.AddSocket(1, Local);
        network.SetServers("198.51.100.1:3478", "198.51.100.1:3479");
        network.RunFor(TimeSpan.FromMinutes(10));
        Assert.InRange(network.Sent.Count, 2 + 23 * 3, 2 + 30 * 3); // each refresh: one question, and the round that follows
    }

    [Fact]
    public void A_server_that_names_new_servers_over_and_over_makes_no_flood()
    {
        var network = new ProbeNetwork { IsLost = static (_, _, _) => true };
        network.AddSocket(1, Local);
        for (int i = 0; i < 1_000; i++) network.SetServers($"198.51.100.{i % 200 + 1}:3478");
        Assert.Equal(NatProbe.MaxRounds, network.Sent.Count);
        for (int i = 0; i < 1_000; i++)
        {
            network.RunFor(TimeSpan.FromMilliseconds(20));
            network.SetServers($"198.51.100.{i % 200 + 1}:3478");
        }

        Assert.InRange(network.Sent.Count, NatProbe.MaxRounds + 10, NatProbe.MaxRounds + 4 * 11); // twenty seconds: ten rounds, at most four attempts each
    }

    [Fact]
    public void A_round_that_was_put_off_asks_the_newest_servers()
    {
        var network = new ProbeNetwork(options: NatProbeOptions.Default with { FirstSchedule = RetransmissionSchedule.Reliable })
        {
            IsLost = static (_, _, _) => true,
        };
        network.AddSocket(1, Local);
        for (int i = 1; i <= NatProbe.MaxRounds + 2; i++) network.SetServers($"198.51.100.{i}:3478");
        network.RunFor(NatProbe.RoundPause - TimeSpan.FromTicks(1));
        Assert.Equal(NatProbe.MaxRounds, network.Sent.Count);
        network.RunFor(TimeSpan.FromTicks(1));
        Assert.Equal(TransportAddress.Parse($"198.51.100.{NatProbe.MaxRounds + 2}:3478"), network.Sent[^1].Server);
        Assert.Equal(NatProbe.MaxRounds + 1, network.Sent.Count);
    }

    [Fact]
    public void What_is_not_for_the_probe_is_left_to_others()
    {
        var (probe, id) = Ask(s_credential);
        var check = new StunWriter(new byte[100], StunClass.Request, StunMethod.Binding, id);
        Assert.False(Deliver(probe, check.Written));
        var foreign = new StunWriter(new byte[100], StunClass.SuccessResponse, StunMethod.Binding, new TransactionId("another one!"u8));
        Assert.False(Deliver(probe, foreign.Written));
        Assert.False(Deliver(probe, []));
        Assert.False(Deliver(probe, [0x50, 1, 2, 3]));
    }

    [Fact]
    public void Garbage_is_judged_without_an_exception()
    {
        var random = new Random(5);
        var (probe, id) = Ask(s_credential);
        byte[] sample = Answer(id, "203.0.113.7:1", s_credential.Key, new byte[20]);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] changed = [.. sample];
            for (int change = random.Next(1, 4); change > 0; change--) changed[random.Next(20, changed.Length)] = (byte)random.Next(256);
            changed = changed[..(random.Next(2) == 0 ? changed.Length : 20 + random.Next(changed.Length - 20))];
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(2), (ushort)(changed.Length - 20));
            if (!changed.AsSpan().SequenceEqual(sample)) Deliver(probe, changed);
        }

        Assert.False(probe.TryTakeEvent(out _)); // none had the key
    }

    [Fact]
    public void An_idle_deadline_costs_nothing()
    {
        var (probe, id) = Ask(s_credential);
        Deliver(probe, Answer(id, "203.0.113.7:1", s_credential.Key));
        var next = probe.NextDeadline;
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                var writer = new DatagramBatchWriter(_memory);
                probe.HandleDeadline(new Instant(i));
                probe.TryWrite(new Instant(i), ref writer);
            }
        }));
        Assert.Equal(next, probe.NextDeadline);
    }

    [Fact]
    public void Whom_a_server_names_is_asked_but_not_whom_that_one_names_in_turn()
    {
        var probe = new NatProbe(NatProbeOptions.Default, new TestEntropy(1));
        probe.SetServers(default, [TransportAddress.Parse(Server)], credential: null);
        Assert.True(probe.AddSocket(default, new SocketId(1), TransportAddress.Parse(Local)));
        var asked = new HashSet<TransportAddress>();
        for (int i = 0; i < 20; i++)
        {
            var writer = new DatagramBatchWriter(_memory);
            if (!probe.TryWrite(default, ref writer)) break;
            asked.Add(writer.Remote);
            Assert.True(StunReader.TryParse(writer.Written, out var request));
            var answer = new StunWriter(new byte[500], StunClass.SuccessResponse, StunMethod.Binding, request.TransactionId);
            answer.WriteXorAddress(StunAttributeType.XorMappedAddress, TransportAddress.Parse("203.0.113.7:1"));
            answer.WriteAddress(StunAttributeType.OtherAddress, TransportAddress.Parse($"198.51.100.{10 + i}:{3_480 + i}"));
            Assert.True(probe.HandleDatagram(default, new SocketId(1), writer.Remote, answer.Written));
        }

        Assert.Equal(4, asked.Count);
    }

    [Fact]
    public void A_socket_that_follows_another_has_fresh_ones_beside_it_in_place_of_those()
    {
        int sockets = 100;
        var probe = new NatProbe(NatProbeOptions.Default, new TestEntropy(1), () => new SocketId(++sockets));
        probe.SetServers(default, [TransportAddress.Parse(Server), TransportAddress.Parse("198.51.100.1:3479")], s_credential);
        var open = new HashSet<SocketId>();
        for (int i = 1; i <= 10; i++)
        {
            open.Add(new SocketId(i));
            Assert.True(probe.AddSocket(default, new SocketId(i), TransportAddress.Parse($"192.168.1.10:{5_000 + i}")));
            if (open.Remove(new SocketId(i - 1))) probe.RemoveSocket(default, new SocketId(i - 1));
            while (probe.TryTakeRequest(out var asked))
            {
                if (asked is SocketRequest.Close close) open.Remove(close.Socket);
                if (asked is not SocketRequest.UdpBind bind) continue;
                open.Add(bind.Socket);
                probe.HandleSocketEvent(default, new SocketEvent.Opened(bind.Socket, bind.Local.WithPort((ushort)(40_000 + sockets)), default));
            }
        }

        Assert.Equal(1 + SampleSockets.PerHost, open.Count);
        for (var writer = new DatagramBatchWriter(_memory); probe.TryWrite(default, ref writer); writer = new DatagramBatchWriter(_memory))
        {
            Assert.Contains(writer.Socket, open);
        }
    }

    private (NatProbe Probe, TransactionId Id) Ask(ShortTermCredential credential)
    {
        var probe = new NatProbe(NatProbeOptions.Default, new TestEntropy(1));
        probe.SetServers(default, [TransportAddress.Parse(Server)], credential);
        Assert.True(probe.AddSocket(default, new SocketId(1), TransportAddress.Parse(Local)));
        var writer = new DatagramBatchWriter(_memory);
        Assert.True(probe.TryWrite(default, ref writer));
        Assert.True(StunReader.TryParse(writer.Written, out var request));
        Assert.True(request.HasValidIntegritySha256(credential.Key));
        Assert.True(request.HasValidFingerprint());
        return (probe, request.TransactionId);
    }

    private static bool Deliver(NatProbe probe, ReadOnlySpan<byte> datagram) =>
        probe.HandleDatagram(default, new SocketId(1), TransportAddress.Parse(Server), datagram);

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
