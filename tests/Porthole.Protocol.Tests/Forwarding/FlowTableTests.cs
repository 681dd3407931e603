using Porthole.Protocol.Forwarding;

namespace Porthole.Protocol.Tests.Forwarding;

public sealed class FlowTableTests
{
    private static readonly TimeSpan s_idle = TimeSpan.FromMinutes(2);

    private readonly FlowTable<int, string> _flows = new(3, s_idle);
    private Instant _now;

    [Fact]
    public void A_flow_lives_as_long_as_it_is_used()
    {
        _flows.Add(_now, 1, "one");
        _flows.Add(_now, 2, "two");
        _now += s_idle - TimeSpan.FromTicks(1);
        Assert.True(_flows.TryUse(_now, 1, out string? one));
        Assert.Equal("one", one);
        Assert.False(_flows.TryTakeExpired(_now, out _));
        _now += TimeSpan.FromTicks(1);
        Assert.True(_flows.TryTakeExpired(_now, out string? gone));
        Assert.Equal("two", gone);
        Assert.False(_flows.TryTakeExpired(_now, out _));
        Assert.False(_flows.TryUse(_now, 2, out _));
        Assert.Equal(1, _flows.Count);
    }

    [Fact]
    public void Where_there_is_no_room_the_quietest_can_be_taken_out()
    {
        foreach (int key in (int[])[1, 2, 3]) _flows.Add(_now += TimeSpan.FromSeconds(1), key, $"{key}");
        Assert.True(_flows.IsFull);
        Assert.Throws<InvalidOperationException>(() => _flows.Add(_now, 4, "4"));
        _flows.TryUse(_now, 1, out _);
        Assert.True(_flows.TryTakeQuietest(out string? quietest));
        Assert.Equal("2", quietest);
        _flows.Add(_now, 4, "4");
        foreach (string expected in (string[])["3", "1", "4"])
        {
            Assert.True(_flows.TryTakeQuietest(out quietest));
            Assert.Equal(expected, quietest);
        }

        Assert.False(_flows.TryTakeQuietest(out _));
    }
}
