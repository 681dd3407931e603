using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using static Porthole.Scenarios.Meet.MeetWorld;

namespace Porthole.Scenarios.Meet;

/// <summary>Two strangers behind NATs: the first waits, the second completes the pair, and in the end they need nobody.</summary>
public sealed class MeetTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_strangers_meet_talk_directly_and_leave_the_server(bool hasCode)
    {
        var world = new MeetWorld();
        var (alice, bob) = (world.AddStranger(), world.AddStranger());
        var key = hasCode ? Right : null;
        var atAlice = MeetWorld.Meet(alice, key);
        world.Run(30); // longer than a connect may take
        Assert.Single(Events<PeerEvent.Waiting>(alice));
        var atBob = MeetWorld.Meet(bob, key);

        Assert.True(world.Until(() => alice.Opened == atAlice && bob.Opened == atBob, 2));
        var (toAlice, toBob) = (Assert.Single(Events<PeerEvent.Opened>(alice)), Assert.Single(Events<PeerEvent.Opened>(bob)));
        Assert.Equal((true, false), (toAlice.IsIncoming, toBob.IsIncoming)); // who comes second begins
        Assert.Equal((hasCode, hasCode), (toAlice.IsAuthenticated, toBob.IsAuthenticated));
        Assert.Equal((bob.Machine.Id, alice.Machine.Id), (toAlice.Key.PeerId, toBob.Key.PeerId));
        var introduced = Assert.Single(Events<PeerEvent.Introduced>(alice));
        Assert.Equal(bob.Machine.Nat!.Mappings[0].Mapped, Mapped(introduced, CandidateTransport.Udp));
        Assert.Equal(bob.Machine.Nat!.Tcp!.Mappings[0].Mapped, Mapped(introduced, CandidateTransport.TcpSimultaneous));
        Assert.Equal(bob.Machine.Id, introduced.Peer);

        Assert.True(world.Until(() => alice.PathOf(atAlice) is { IsDirect: true } && bob.PathOf(atBob) is { IsDirect: true }, 5));
        alice.Invoke(static (machine, now) => machine.LeaveServer(now));
        world.AssertTalk(alice, bob);
        bob.Invoke(static (machine, now) => machine.LeaveServer(now));
        world.Net.KillServer();
        world.AssertTalk(alice, bob);
        world.Run(300);
        world.AssertTalk(alice, bob);
        Assert.Empty(Events<PeerEvent.Closed>(alice).Concat(Events<PeerEvent.Closed>(bob)));
        Assert.Single(Events<PeerEvent.ServerLost>(alice), lost => lost is { Error: PeerError.Closed, WillRetry: false });
    }

    [Fact]
    public void Strangers_who_want_TCP_meet_over_TCP_and_need_the_server_no_more()
    {
        var world = new MeetWorld();
        var (alice, bob) = (world.AddStranger(change: OnlyTcp), world.AddStranger(change: OnlyTcp));
        var atAlice = MeetWorld.Meet(alice, Right);
        var atBob = MeetWorld.Meet(bob, Right);
        Assert.True(world.Until(() => alice.PathOf(atAlice)?.Kind == PathKind.Tcp && bob.PathOf(atBob)?.Kind == PathKind.Tcp, 10));
        foreach (var peer in new[] { alice, bob }) peer.Invoke(static (machine, now) => machine.LeaveServer(now));
        world.Net.KillServer();
        world.Run(60);
        world.AssertTalk(alice, bob);

        static PeerMachineOptions OnlyTcp(PeerMachineOptions options) => options with { Transports = Transports.Tcp };
    }

    [Fact]
    public void Who_has_left_the_server_asks_it_nothing_any_more()
    {
        var world = new MeetWorld();
        var (alice, bob) = (world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(alice, Right);
        MeetWorld.Meet(bob, Right);
        Assert.True(world.Until(() => alice.PathOf(alice.Opened) is { IsDirect: true } && bob.PathOf(bob.Opened) is { IsDirect: true }, 5));
        foreach (var peer in new[] { alice, bob }) peer.Invoke(static (machine, now) => machine.LeaveServer(now));
        world.Run(2);
        int told = 0;
        world.Net.Simulation.Trace = new Porthole.Lab.PacketTrace(capacity: 0)
        {
            Inspector = (in Porthole.Lab.PacketTraceEntry entry, ReadOnlySpan<byte> _) =>
            {
                if (entry.Flow.Destination.SameHost(TransportAddress.Parse($"{PeerInternet.ServerAddress}:0"))) told++;
            },
        };
        world.Run(120);
        Assert.Equal(0, told);
        world.AssertTalk(alice, bob);
    }

    [Fact]
    public void Where_no_direct_path_comes_the_relay_carries_on_and_the_verdict_says_why()
    {
        var world = new MeetWorld();
        var (alice, bob) = (world.AddStranger(change: static options => options with { Transports = Transports.None }), world.AddStranger());
        MeetWorld.Meet(alice, null);
        MeetWorld.Meet(bob, null);
        Assert.True(world.Until(() => alice.Opened != default && bob.Opened != default, 2));
        world.AssertTalk(alice, bob);
        Assert.Equal(VerdictReason.RelayOnly, bob.Machine.GetVerdict(bob.Opened).Reason);
    }

    [Fact]
    public void Without_a_lobby_strangers_need_a_code()
    {
        var world = new MeetWorld(options: new RendezvousServerOptions());
        var (alice, bob) = (world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(alice, null);
        Assert.True(world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 1));
        Assert.Equal((PeerError.Refused, RendezvousError.NoLobby.Text), (alice.Find<PeerEvent.Failed>()!.Error, alice.Find<PeerEvent.Failed>()!.Text));
        var atAlice = MeetWorld.Meet(alice, Right);
        MeetWorld.Meet(bob, Right);
        Assert.True(world.Until(() => alice.Opened == atAlice && bob.Opened != default, 2));
    }

    [Fact]
    public void A_wrong_code_is_refused_clearly_on_both_sides_and_the_right_one_still_gets_in()
    {
        var world = new MeetWorld();
        var (alice, mallory, bob) = (world.AddStranger(), world.AddStranger(), world.AddStranger());
        var atAlice = MeetWorld.Meet(alice, Right);
        world.Run(1);
        MeetWorld.Meet(mallory, Wrong);
        Assert.True(world.Until(() => mallory.Find<PeerEvent.Failed>() is not null, 2));
        var failed = mallory.Find<PeerEvent.Failed>()!;
        Assert.Equal(PeerError.WrongCode, failed.Error);
        Assert.Contains("code is wrong", failed.Text, StringComparison.Ordinal);
        Assert.True(world.Until(() => Events<PeerEvent.Waiting>(alice).Count() == 2, 2));
        Assert.Equal(2, Assert.Single(Events<PeerEvent.CodeMissed>(alice)).Left);

        var atBob = MeetWorld.Meet(bob, Right);
        Assert.True(world.Until(() => alice.Opened == atAlice && bob.Opened == atBob, 2));
        world.AssertTalk(alice, bob);
        Assert.DoesNotContain(mallory.Events, entry => entry.Event is PeerEvent.Opened);
    }

    [Fact]
    public void Three_wrong_codes_burn_it_here_and_at_the_server()
    {
        var world = new MeetWorld();
        var alice = world.AddStranger();
        MeetWorld.Meet(alice, Right);
        for (int i = 0; i < 3; i++) MeetWorld.Meet(world.AddStranger(), Wrong);
        Assert.True(world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 5));
        Assert.Equal((PeerError.WrongCode, RendezvousError.CodeBurnt.Text), (alice.Find<PeerEvent.Failed>()!.Error, alice.Find<PeerEvent.Failed>()!.Text));
        Assert.Equal([2, 1], Events<PeerEvent.CodeMissed>(alice).Select(static missed => missed.Left));
        Assert.Equal(0, alice.Machine.ConnectionCount);

        var bob = world.AddStranger();
        MeetWorld.Meet(bob, Right);
        Assert.True(world.Until(() => bob.Find<PeerEvent.Failed>() is not null, 2));
        Assert.Equal((PeerError.WrongCode, RendezvousError.CodeBurnt.Text), (bob.Find<PeerEvent.Failed>()!.Error, bob.Find<PeerEvent.Failed>()!.Text));
    }

    [Fact]
    public void Somebody_who_was_first_with_a_wrong_code_learns_no_more_than_who_was_second()
    {
        var world = new MeetWorld();
        var (mallory, alice) = (world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(mallory, Wrong);
        world.Run(1);
        MeetWorld.Meet(alice, Right);
        Assert.True(world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 2));
        Assert.Equal(PeerError.WrongCode, alice.Find<PeerEvent.Failed>()!.Error);
        Assert.True(world.Until(() => mallory.Find<PeerEvent.CodeMissed>() is not null, 2));
        Assert.DoesNotContain(mallory.Events.Concat(alice.Events), entry => entry.Event is PeerEvent.Opened);
    }

    [Fact]
    public void Whoever_vanishes_in_the_middle_has_missed_and_the_waiter_goes_on()
    {
        var world = new MeetWorld();
        var (alice, mallory, bob) = (world.AddStranger(), world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(alice, Right);
        MeetWorld.Meet(mallory, Wrong);
        Assert.True(world.Until(() => alice.Find<PeerEvent.Introduced>() is not null, 2));
        mallory.Kill();
        Assert.True(world.Until(() => alice.Find<PeerEvent.CodeMissed>() is not null, 30));
        MeetWorld.Meet(bob, Right);
        Assert.True(world.Until(() => alice.Opened != default && bob.Opened != default, 5));
    }

    [Fact]
    public void A_third_with_the_code_is_told_that_it_is_used_up()
    {
        var world = new MeetWorld();
        var (alice, bob, carol) = (world.AddStranger(), world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(alice, Right);
        MeetWorld.Meet(bob, Right);
        MeetWorld.Meet(carol, Right); // while the two are at it
        Assert.True(world.Until(() => carol.Find<PeerEvent.Failed>() is not null, 2));
        Assert.Equal((PeerError.WrongCode, RendezvousError.CodeUsed.Text), (carol.Find<PeerEvent.Failed>()!.Error, carol.Find<PeerEvent.Failed>()!.Text));
        MeetWorld.Meet(carol, Right); // and later
        Assert.True(world.Until(() => Events<PeerEvent.Failed>(carol).Count() == 2, 2));
        world.AssertTalk(alice, bob);
    }

    [Fact]
    public void Who_comes_too_late_waits_alone()
    {
        var world = new MeetWorld();
        var (alice, bob) = (world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(alice, Right);
        world.Run(601);
        Assert.Equal((PeerError.TimedOut, RendezvousError.NobodyCame.Text), (alice.Find<PeerEvent.Failed>()!.Error, alice.Find<PeerEvent.Failed>()!.Text));
        MeetWorld.Meet(bob, Right);
        world.Run(5);
        Assert.Single(Events<PeerEvent.Waiting>(bob));
    }

    [Fact]
    public void Who_waits_while_the_server_restarts_is_found_all_the_same()
    {
        var world = new MeetWorld();
        var (alice, bob) = (world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(alice, Right);
        world.Run(60);
        world.Net.KillServer();
        world.Run(5);
        world.Net.StartServer();
        Assert.True(world.Until(() => Events<PeerEvent.Waiting>(alice).Count() == 2, 30));
        world.Run(60);
        MeetWorld.Meet(bob, Right);
        Assert.True(world.Until(() => alice.Opened != default && bob.Opened != default, 30));
        world.AssertTalk(alice, bob);
    }

    [Fact]
    public void Who_waits_at_a_server_that_does_not_come_back_is_told()
    {
        var world = new MeetWorld();
        var alice = world.AddStranger();
        MeetWorld.Meet(alice, Right);
        world.Run(60);
        world.Net.KillServer();
        Assert.True(world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 60));
        Assert.Equal(PeerError.ServerUnreachable, alice.Find<PeerEvent.Failed>()!.Error);
    }

    [Fact]
    public void Who_takes_it_back_is_met_by_nobody()
    {
        var world = new MeetWorld();
        var (alice, bob) = (world.AddStranger(), world.AddStranger());
        var handle = MeetWorld.Meet(alice, null);
        world.Run(1);
        alice.Invoke((machine, now) => machine.Close(now, handle, 0, ""));
        world.Run(1);
        MeetWorld.Meet(bob, null);
        world.Run(5);
        Assert.Single(Events<PeerEvent.Waiting>(bob));
        Assert.Equal(0, alice.Machine.ConnectionCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void However_the_server_dies_while_two_come_together_they_meet(ulong seed)
    {
        var world = new MeetWorld(seed);
        var chance = Porthole.Lab.SeededEntropy.ForStream(seed, 5);
        var (alice, bob) = (world.AddStranger(), world.AddStranger());
        MeetWorld.Meet(alice, Right);
        world.Run(1);
        MeetWorld.Meet(bob, Right);
        world.Run(chance.NextInt32(5, 90) / 1_000.0);
        world.Net.KillServer();
        world.Run(1);
        world.Net.StartServer();
        Assert.True(world.Until(() => alice.Opened != default && bob.Opened != default, 60), "both opened");
        world.AssertTalk(alice, bob);
    }

    private static TransportAddress Mapped(PeerEvent.Introduced introduced, CandidateTransport transport) =>
        introduced.Candidates.Single(candidate => candidate.Kind == CandidateKind.ServerReflexive && candidate.Transport == transport).Address;
}
