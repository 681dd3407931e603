using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>Candidates that are told while a punch runs, for something else than a plain check.</summary>
public sealed class GuidedCandidateTests
{
    private static readonly SessionId s_session = new(0x0123_4567_89AB_CDEF);
    private static readonly IdentityKey s_peer = IdentityKey.Generate(new TestEntropy(31));

    [Theory]
    [InlineData(CandidatePurpose.Check, 0, true)]
    [InlineData(CandidatePurpose.Check, 1, false)]
    [InlineData(CandidatePurpose.Opener, 1, true)]
    [InlineData(CandidatePurpose.Opener, 0, false)]
    [InlineData(CandidatePurpose.Fresh, RendezvousLimits.MaxRounds, true)]
    [InlineData(CandidatePurpose.Fresh, RendezvousLimits.MaxRounds + 1, false)]
    [InlineData(CandidatePurpose.Predicted, -1, false)]
    [InlineData(CandidatePurpose.ScanBase, 8, true)]
    public void A_purpose_has_a_round_and_a_plain_check_has_none(CandidatePurpose purpose, int round, bool isTaken)
    {
        var candidate = WorldClient.Claim("203.0.113.1:40000", "0.0.0.0:0") with { Purpose = purpose, Round = round };
        var codec = new RendezvousCodec();
        Assert.Equal(isTaken, RendezvousCodec.TryDecode(codec.Encode(new ClientMessage.Candidates(s_session, 0, [candidate])), out ClientMessage? sent));
        Assert.Equal(isTaken, RendezvousCodec.TryDecode(codec.Encode(new ServerMessage.Candidates(s_session, 0, [candidate])), out ServerMessage? _));
        if (!isTaken) return;
        var read = Assert.IsType<ClientMessage.Candidates>(sent).List[0];
        Assert.Equal((purpose, round), (read.Purpose, read.Round));
    }

    [Fact]
    public void A_purpose_is_for_a_punch_under_way_and_for_UDP()
    {
        var codec = new RendezvousCodec();
        var fresh = WorldClient.Claim("203.0.113.1:40000", "0.0.0.0:0") with { Purpose = CandidatePurpose.Fresh, Round = 1 };
        Assert.False(RendezvousCodec.TryDecode(codec.Encode(new ClientMessage.Update([fresh], NatFacts.Unknown)), out ClientMessage? _));
        var tcp = fresh with { Transport = CandidateTransport.TcpSimultaneous };
        Assert.False(RendezvousCodec.TryDecode(codec.Encode(new ClientMessage.Candidates(s_session, 0, [tcp])), out ClientMessage? _));
        Assert.False(RendezvousCodec.TryDecode(codec.Encode(new ServerMessage.Candidates(s_session, 0, [tcp])), out ServerMessage? _));
    }

    [Fact]
    public void The_purpose_of_a_plain_candidate_takes_no_room()
    {
        var text = System.Text.Encoding.UTF8.GetString(new RendezvousCodec().Encode(new ClientMessage.Candidates(s_session, 0, [WorldClient.Claim("203.0.113.1:40000", "0.0.0.0:0")])));
        Assert.DoesNotContain("purpose", text, StringComparison.Ordinal);
        Assert.DoesNotContain("round", text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_on_another_host_of_a_NAT_comes_with_its_proof_or_not_at_all()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        var scanBase = alice.Proved("203.0.113.77:41000", "192.168.1.10:5001") with { Purpose = CandidatePurpose.ScanBase, Round = 1 };
        alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [scanBase with { Proof = default }]));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(bob.Events<RendezvousEvent.CandidatesReceived>());

        alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [scanBase]));
        world.Run(TimeSpan.FromSeconds(1));

        var told = Assert.Single(Assert.Single(bob.Events<RendezvousEvent.CandidatesReceived>()).Candidates);
        Assert.Equal((scanBase.Address, CandidatePurpose.ScanBase, 1), (told.Address, told.Purpose, told.Round));
        Assert.True(told.Proof.IsEmpty);
    }

    [Fact]
    public void The_server_passes_on_64_of_a_generation_beside_twenty_plain_ones_and_only_on_proved_hosts()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [alice.Proved("203.0.113.1:40000", "192.168.1.10:5000")]));
        for (int i = 0; i < 5; i++)
        {
            CandidateInfo[] guided = [.. Enumerable.Range(1, 20).Select(port => Guided($"203.0.113.1:{1_000 * i + 2_000 + port}"))];
            alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [.. guided]));
        }

        alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [WorldClient.Claim("203.0.113.1:50000", "192.168.1.10:5000")]));
        world.Run(TimeSpan.FromSeconds(1));

        var seen = bob.Events<RendezvousEvent.CandidatesReceived>().SelectMany(received => received.Candidates).ToArray();
        Assert.Equal(RendezvousLimits.MaxGuidedCandidates, seen.Count(candidate => candidate.Purpose == CandidatePurpose.Predicted));
        Assert.Equal(2, seen.Count(candidate => candidate.Purpose == CandidatePurpose.Check));

        alice.Do((machine, now) => machine.SendCandidates(now, session, 0, [Guided("203.0.113.66:1"), Guided("192.168.1.10:5000") with { Kind = CandidateKind.Host }]));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(seen.Length, bob.Events<RendezvousEvent.CandidatesReceived>().Sum(received => received.Candidates.Length));
    }

    [Fact]
    public void A_server_that_makes_up_more_of_them_is_not_believed()
    {
        var server = new RawServer().Welcome();
        var known = WorldClient.Claim("203.0.113.1:4000", "0.0.0.0:0");
        server.Say(new ServerMessage.SessionBegun(server.Push(s_session, s_peer, isInitiator: false, candidates: [known])));
        for (int i = 0; i < 10; i++)
        {
            CandidateInfo[] guided = [.. Enumerable.Range(1, 20).Select(port => Guided($"203.0.113.1:{1_000 * i + 2_000 + port}"))];
            server.Say(new ServerMessage.Candidates(s_session, 0, [.. guided]));
        }

        server.Say(new ServerMessage.Candidates(s_session, 0, [Guided("192.168.1.20:5000") with { Kind = CandidateKind.Host }]));
        Assert.Equal(RendezvousLimits.MaxGuidedCandidates, server.Events.OfType<RendezvousEvent.CandidatesReceived>().Sum(e => e.Candidates.Length));
    }

    private static CandidateInfo Guided(string address) =>
        WorldClient.Claim(address, "192.168.1.10:5000") with { Purpose = CandidatePurpose.Predicted, Round = 1 };
}
