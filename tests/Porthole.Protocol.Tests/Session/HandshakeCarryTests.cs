using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

public sealed class HandshakeCarryTests
{
    [Fact]
    public void A_session_is_confirmed_over_the_relay_in_two_one_way_trips()
    {
        var lab = new SessionLab();
        var start = lab.Now;
        lab.AddRelay(); // 20 ms one way
        lab.RunUntil(() => lab.Alice.Session.State == SessionState.Established);
        Assert.Equal(20, (lab.Now - start).TotalMilliseconds);
        lab.RunUntil(() => lab.Bob.Session.State == SessionState.Confirmed);
        Assert.Equal(40, (lab.Now - start).TotalMilliseconds);
        lab.RunUntil(() => lab.Alice.Session.State == SessionState.Confirmed);
        Assert.Equal(60, (lab.Now - start).TotalMilliseconds);
    }

    [Fact]
    public void A_megabyte_arrives_on_the_relay_and_then_on_a_direct_path()
    {
        var lab = SessionLab.Connected();
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 1_000_000);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }]);
        lab.MoveTo(lab.AddUdp());
        lab.Bob.Send(lab.Now, 1_000_000);
        lab.RunUntil(() => lab.Alice.Sinks is [{ IsDone: true }]);
        Assert.Equal(1_000_000, lab.Alice.Sinks[0].Position);
    }
}
