using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class RestartTests
{
    private readonly RendezvousWorld _world = new();
    private readonly WorldClient _alice;
    private readonly WorldClient _bob;
    private readonly SessionId _session;

    public RestartTests()
    {
        _alice = _world.AddRegistered("alice");
        _bob = _world.AddRegistered("bob");
        _session = _alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void A_restart_gives_both_new_credentials_in_one_push()
    {
        var start = _world.Now;
        _bob.Do((machine, now) => machine.Restart(now, _session, 0));
        _world.Run(TimeSpan.FromSeconds(1));

        var (atAlice, atBob) = (Assert.Single(_alice.Events<RendezvousEvent.Restarted>()).Plan, Assert.Single(_bob.Events<RendezvousEvent.Restarted>()).Plan);
        Assert.Equal(TimeSpan.FromMilliseconds(40), _alice.At<RendezvousEvent.Restarted>() - start);
        Assert.Equal(1, atAlice.Generation);
        Assert.Equal(atAlice.Local, atBob.Remote);
        Assert.Equal(atAlice.Remote, atBob.Local);
        Assert.NotEqual(_alice.Push(_session).Plan.Local, atAlice.Local);
        Assert.NotEqual(_alice.Push(_session).Plan.Remote, atAlice.Remote);
        Assert.Equal(_alice.Push(_session).Plan.Controlling, atAlice.Controlling);
        Assert.Single(atAlice.Candidates);
    }

    [Fact]
    public void Two_restarts_that_cross_are_one()
    {
        _alice.Do((machine, now) => machine.Restart(now, _session, 0));
        _bob.Do((machine, now) => machine.Restart(now, _session, 0));
        _world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(1, Assert.Single(_alice.Events<RendezvousEvent.Restarted>()).Plan.Generation);
        Assert.Equal(1, Assert.Single(_bob.Events<RendezvousEvent.Restarted>()).Plan.Generation);
    }

    [Fact]
    public void Candidates_of_an_old_generation_are_dropped()
    {
        var more = _alice.Proved("203.0.113.1:41000", "192.168.1.10:5001");
        _alice.Do((machine, now) => machine.SendCandidates(now, _session, 0, [more]));
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal("203.0.113.1:41000", Assert.Single(Assert.Single(_bob.Events<RendezvousEvent.CandidatesReceived>()).Candidates).Address.ToString());

        _bob.Do((machine, now) => machine.Restart(now, _session, 0));
        _alice.Do((machine, now) => machine.SendCandidates(now, _session, 1, [more])); // arrives after the restart: current
        _alice.Do((machine, now) => machine.SendCandidates(now, _session, 0, [more])); // stale
        _alice.Do((machine, now) => machine.SendCandidates(now, _session, 2, [more])); // from nowhere
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 1], _bob.Events<RendezvousEvent.CandidatesReceived>().Select(e => e.Generation));
    }

    [Fact]
    public void No_more_than_twenty_candidates_reach_the_other_side_per_generation()
    {
        for (int i = 0; i < 3; i++)
        {
            var list = Enumerable.Range(0, 10).Select(port => _alice.Proved($"203.0.113.1:{42_000 + (10 * i) + port}", "192.168.1.10:5001")).ToArray();
            _alice.Do((machine, now) => machine.SendCandidates(now, _session, 0, [.. list]));
        }

        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(19, _bob.Events<RendezvousEvent.CandidatesReceived>().Sum(e => e.Candidates.Length)); // one came with the push
    }

    [Fact]
    public void Restarts_are_limited()
    {
        for (int i = 0; i < 40; i++)
        {
            int generation = i;
            _alice.Do((machine, now) => machine.Restart(now, _session, generation));
            _world.Run(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal(30, _bob.Events<RendezvousEvent.Restarted>().Count());
        Assert.Contains(_alice.Events<RendezvousEvent.Refused>(), refused => refused.Error == RendezvousError.RateLimited && refused.Session == _session);
        _world.Run(TimeSpan.FromMinutes(1));
        _alice.Do((machine, now) => machine.Restart(now, _session, 30));
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(31, _bob.Events<RendezvousEvent.Restarted>().Last().Plan.Generation);
    }

    [Fact]
    public void A_restart_of_a_session_nobody_knows_is_refused()
    {
        _bob.Do((machine, now) => machine.Release(now, _session));
        _alice.Do((machine, now) => machine.Restart(now, _session, 0)); // crosses the release
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(_alice.Events<RendezvousEvent.SessionClosed>());
        Assert.Empty(_alice.Events<RendezvousEvent.Restarted>());
    }
}
