using Porthole.Protocol.Peer;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Peer;

public sealed class PathSelectorTests
{
    private int _last;

    [Theory]
    [InlineData(40, 40, PathKind.Udp, PathKind.Udp)]
    [InlineData(80, 40, PathKind.Udp, PathKind.Udp)] // a round trip that is similar
    [InlineData(100, 40, PathKind.Udp, PathKind.Tcp)] // another way altogether
    [InlineData(40, 80, PathKind.Tcp, PathKind.Tcp)]
    [InlineData(40, 100, PathKind.Tcp, PathKind.Udp)]
    public void The_preferred_transport_is_taken_unless_the_other_is_much_faster(int udp, int tcp, PathKind prefer, PathKind chosen) =>
        Assert.Equal(chosen, PathSelector.Choose([Path(PathKind.Tcp, tcp), Path(PathKind.Udp, udp), Path(PathKind.Relay, 1)], null, prefer)!.Kind);

    [Fact]
    public void A_direct_path_however_slow_comes_before_the_relay() =>
        Assert.Equal(PathKind.Tcp, PathSelector.Choose([Path(PathKind.Relay, 1), Path(PathKind.Tcp, 900)], null, PathKind.Udp)!.Kind);

    [Fact]
    public void What_is_not_proved_or_dead_is_not_taken()
    {
        var (unproved, dead, relay) = (Path(PathKind.Udp, 1), Path(PathKind.Tcp, 1), Path(PathKind.Relay, 1));
        (unproved.IsProved, dead.IsDead) = (false, true);

        Assert.Same(relay, PathSelector.Choose([unproved, dead, relay], null, PathKind.Udp));
        Assert.Null(PathSelector.Choose([unproved, dead], dead, PathKind.Udp));
    }

    [Theory]
    [InlineData(40, 36, false)] // jitter
    [InlineData(40, 34, true)]
    public void Two_paths_of_a_kind_do_not_take_turns(int current, int other, bool moves)
    {
        var (here, there) = (Path(PathKind.Udp, current), Path(PathKind.Udp, other));

        Assert.Same(moves ? there : here, PathSelector.Choose([here, there], here, PathKind.Udp));
    }

    [Fact]
    public void A_session_on_TCP_moves_to_UDP_that_comes_later()
    {
        var (tcp, udp) = (Path(PathKind.Tcp, 40), Path(PathKind.Udp, 45));

        Assert.Same(udp, PathSelector.Choose([tcp, udp], tcp, PathKind.Udp));
        Assert.Same(udp, PathSelector.Choose([tcp, udp], udp, PathKind.Udp));
    }

    private PathCandidate Path(PathKind kind, int milliseconds) => new(new PathId(++_last), kind, new SocketId(_last), default, default)
    {
        IsProved = true,
        RoundTrip = TimeSpan.FromMilliseconds(milliseconds),
    };
}
