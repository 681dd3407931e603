using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

[Collection(nameof(Alone))]
public sealed class HostileTests
{
    private static readonly TransportAddress s_stranger = TransportAddress.Parse("192.0.2.66:666");

    public static TheoryData<string> Forgeries =>
        ["wrong password", "no integrity", "wrong fingerprint", "other remote fragment", "changed byte", "truncated", "older STUN"];

    [Theory]
    [MemberData(nameof(Forgeries))]
    public void A_stranger_gets_no_answer_and_changes_nothing(string forgery)
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(1));
        var honest = new CheckBuilder(b.Agent.LocalCredentials, a.Agent.LocalCredentials) { UseCandidate = true };
        byte[] check = honest.Request(TransactionId.Create(lab.Entropy));
        byte[] forged = forgery switch
        {
            "wrong password" => (honest with { Password = new string('x', 24) }).Request(default),
            "no integrity" => [.. check[..2], 0, (byte)(check.Length - 20 - 32), .. check[4..^32]],
            "wrong fingerprint" => [.. check[..^1], (byte)~check[^1]],
            "other remote fragment" => (honest with { Username = $"{a.Agent.LocalCredentials.UsernameFragment}:nobody" }).Request(default),
            "changed byte" => [.. check[..40], (byte)~check[40], .. check[41..]],
            "truncated" => check[..^4],
            _ => [.. check[..4], 0, 0, 0, 0, .. check[8..]],
        };
        int packets = lab.Packets.Count, events = a.Events.Count, candidates = a.Agent.RemoteCandidates.Count;

        lab.Inject(a, s_stranger, forged);
        lab.RunFor(TimeSpan.FromSeconds(1));

        Assert.Equal((packets, events, candidates), (lab.Packets.Count, a.Events.Count, a.Agent.RemoteCandidates.Count));
    }

    [Fact]
    public void A_check_for_another_agent_on_the_same_socket_is_left_alone()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        byte[] foreign = new CheckBuilder(a.Agent.LocalCredentials, b.Agent.LocalCredentials).Request(default);
        Assert.False(a.Agent.HandleDatagram(lab.Now, new SocketId(1), s_stranger, foreign));
        Assert.False(a.Agent.HandleDatagram(lab.Now, new SocketId(1), s_stranger, new CheckBuilder(b.Agent.LocalCredentials, a.Agent.LocalCredentials).Success(foreign, s_stranger)));
        Assert.False(a.Agent.HandleDatagram(lab.Now, new SocketId(1), s_stranger, CheckBuilder.Indication(default)));
        Assert.False(a.Agent.HandleDatagram(lab.Now, new SocketId(1), s_stranger, [0x50, 1, 2, 3]));
        Assert.False(a.Agent.HandleDatagram(lab.Now, new SocketId(1), s_stranger, []));
    }

    [Fact]
    public void A_forged_answer_does_not_count_whatever_it_says()
    {
        var lab = new IceLab();
        var other = IceCredentials.Create(lab.Entropy);
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        a.Agent.SetRemoteCredentials(lab.Now, other);
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        lab.Start(a);
        var forger = new CheckBuilder(other, a.Agent.LocalCredentials) { Password = new string('x', 24) };

        // Whoever sees the request knows its transaction, and can make any of these; none ends the check.
        foreach (byte[] answer in new[]
        {
            forger.Success(lab.Packets[0].Bytes, IceLab.A),
            forger.Error(lab.Packets[0].Bytes, StunErrorCode.RoleConflict),
            forger.Error(lab.Packets[0].Bytes, StunErrorCode.Unauthenticated),
            forger.Error(lab.Packets[0].Bytes, StunErrorCode.BadRequest),
        })
        {
            Assert.True(a.Agent.HandleDatagram(lab.Now, new SocketId(1), IceLab.B, answer));
        }

        Assert.Equal((PairState.InProgress, IceRole.Controlling), (a.Agent.Pairs[0].State, a.Agent.Role));
        lab.Inject(a, IceLab.B, (forger with { Password = null }).Success(lab.Packets[0].Bytes, IceLab.A));
        Assert.Equal(PairState.Succeeded, a.Agent.Pairs[0].State);
    }

    [Fact]
    public void A_success_without_an_address_is_none()
    {
        var lab = new IceLab();
        var other = IceCredentials.Create(lab.Entropy);
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        a.Agent.SetRemoteCredentials(lab.Now, other);
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        lab.Start(a);
        lab.Inject(a, IceLab.B, new CheckBuilder(other, a.Agent.LocalCredentials).Success(lab.Packets[0].Bytes, null));
        Assert.Equal(PairState.InProgress, a.Agent.Pairs[0].State);
    }

    [Fact]
    public void No_answer_is_longer_than_its_request()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(1));
        var peer = new CheckBuilder(b.Agent.LocalCredentials, a.Agent.LocalCredentials);
        foreach (byte[] request in new[]
        {
            peer.Request(default),
            (peer with { Role = IceRole.Controlling }).Request(default),
            (peer with { Extra = (StunAttributeType)0x7777 }).Request(default),
            (peer with { Priority = null, Role = null }).Request(default),
        })
        {
            lab.Inject(a, TransportAddress.Parse("[2001:db8::66]:666"), request);
            Assert.InRange(lab.Packets[^1].Bytes.Length, 1, request.Length);
        }
    }

    [Fact]
    public void What_must_be_understood_and_is_not_is_refused_by_name()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(1));
        lab.Inject(a, s_stranger, (new CheckBuilder(b.Agent.LocalCredentials, a.Agent.LocalCredentials) { Extra = (StunAttributeType)0x7777 }).Request(default));
        Assert.Equal(StunErrorCode.UnknownAttribute, CheckBuilder.ErrorOf(lab.Packets[^1]));
        Assert.True(CheckBuilder.Has(lab.Packets[^1], StunAttributeType.UnknownAttributes));
        Assert.DoesNotContain(a.Agent.RemoteCandidates, candidate => candidate.Address == s_stranger);
    }

    [Fact]
    public void Nothing_is_sent_to_an_address_that_was_neither_given_nor_proved()
    {
        for (ulong seed = 1; seed <= 50; seed++)
        {
            var lab = new IceLab(seed);
            var (a, _) = lab.StartTwo();
            for (int i = 0; i < 40; i++)
            {
                // Any bytes but FINGERPRINT's, which is no protection and may be missing.
                byte[] packet = [.. lab.Packets[lab.Entropy.NextInt32(0, lab.Packets.Count)].Bytes];
                for (int flips = lab.Entropy.NextInt32(1, 4); flips > 0; flips--) packet[lab.Entropy.NextInt32(0, packet.Length - 8)] ^= (byte)lab.Entropy.NextInt32(1, 256);
                lab.Inject(a, s_stranger.WithPort((ushort)(1 + i)), packet);
                lab.RunFor(TimeSpan.FromMilliseconds(3));
            }

            Assert.All(lab.Packets, packet => Assert.False(packet.Destination.SameHost(s_stranger)));
            lab.RunFor(TimeSpan.FromSeconds(1));
            Assert.Equal(IceState.Completed, a.Agent.State);
        }
    }

    [Fact]
    public void An_honest_check_replayed_from_elsewhere_gets_answers_and_a_bounded_number_of_checks()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(1));
        byte[] check = lab.Packets.First(packet => packet.Sender == b && CheckBuilder.ClassOf(packet) == StunClass.Request).Bytes;
        int before = a.Agent.ChecksSent;
        for (int i = 0; i < 500; i++)
        {
            lab.Inject(a, s_stranger, check);
            lab.RunFor(TimeSpan.FromMilliseconds(20));
        }

        Assert.InRange(a.Agent.ChecksSent - before, 1, IceOptions.CheckLimitPerPair);
        Assert.DoesNotContain(a.Agent.ValidPairs, pair => pair.RemoteAddress == s_stranger);
        Assert.Equal(IceState.Completed, a.Agent.State);
    }

    [Fact]
    public void Noise_of_any_kind_never_throws_and_never_grows_the_agent()
    {
        var lab = new IceLab(99);
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(1));
        var peer = new CheckBuilder(b.Agent.LocalCredentials, a.Agent.LocalCredentials);
        var entropy = lab.Entropy;
        byte[] buffer = new byte[200];
        for (int i = 0; i < 20_000; i++)
        {
            // Random bytes, cut-off messages, and authenticated ones with random contents from random places.
            byte[] datagram;
            if (i % 3 == 0)
            {
                entropy.Fill(buffer);
                datagram = buffer[..entropy.NextInt32(0, buffer.Length)];
            }
            else
            {
                var any = peer with
                {
                    Role = (IceRole)entropy.NextInt32(0, 2),
                    TieBreaker = entropy.NextUInt64(),
                    Priority = entropy.NextInt32(0, 4) == 0 ? null : entropy.NextUInt32(),
                    UseCandidate = entropy.NextInt32(0, 2) == 0,
                };
                datagram = entropy.NextInt32(0, 4) == 0
                    ? any.Error(lab.Packets[^entropy.NextInt32(1, 5)].Bytes, (StunErrorCode)entropy.NextInt32(300, 700))
                    : any.Request(TransactionId.Create(entropy));
                if (i % 3 == 1) datagram = datagram[..entropy.NextInt32(0, datagram.Length + 1)];
            }

            lab.Inject(a, IceLab.B.WithPort((ushort)entropy.NextUInt32()), datagram);
            lab.RunFor(TimeSpan.FromMilliseconds(entropy.NextInt32(0, 5)));
        }

        Assert.InRange(a.Agent.ChecksSent, 1, IceOptions.CheckLimit);
        Assert.InRange(a.Agent.RemoteCandidates.Count, 1, IceOptions.CandidateLimit);
        Assert.InRange(a.Agent.LocalCandidates.Count, 1, IceOptions.CandidateLimit);
        Assert.InRange(a.Agent.Pairs.Count, 1, IceOptions.PairLimit);
        Assert.InRange(a.Agent.ValidPairs.Count, 1, IceOptions.KeptPairs);
    }

    [Fact]
    public void Steady_state_allocates_nothing_per_check()
    {
        var lab = new IceLab();
        var options = IceLab.Peers with { TraceChecks = false };
        var (a, b) = lab.StartTwo(options);
        lab.RunFor(TimeSpan.FromSeconds(1));
        byte[] check = new CheckBuilder(b.Agent.LocalCredentials, a.Agent.LocalCredentials).Request(default);
        byte[] memory = new byte[2_000];
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1_000; i++) Answer();
        }));

        void Answer()
        {
            a.Agent.HandleDatagram(lab.Now, new SocketId(1), IceLab.B, check);
            var writer = new DatagramBatchWriter(memory);
            if (!a.Agent.TryWrite(lab.Now, ref writer)) throw new InvalidOperationException("No answer.");
            a.Agent.HandleDeadline(lab.Now);
            _ = a.Agent.NextDeadline;
        }
    }
}
