using Porthole.Protocol.Punching;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Punching;

/// <summary>Whatever happens in whatever order, a puncher keeps its limits and leaves nothing behind.</summary>
public sealed class PuncherPropertyTests
{
    [Fact]
    public void Random_events_break_no_limit_and_leave_no_socket()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            try
            {
                Run(seed);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"seed {seed}", e);
            }
        }
    }

    private static void Run(ulong seed)
    {
        var chance = new TestEntropy(seed);
        var bench = new PuncherBench(seed);
        var handedOver = new HashSet<SocketId>();
        SocketFailure[] failures = Enum.GetValues<SocketFailure>();
        int temper = chance.NextInt32(0, 4); // how often the network answers at once
        bench.Answer = _ => chance.NextInt32(0, 4) < temper
            ? (TimeSpan.FromMilliseconds(chance.NextDouble(0, 100)), chance.NextInt32(0, 20) == 0 ? null : failures[chance.NextInt32(0, failures.Length)])
            : null;
        bool isStarted = false;
        for (int step = 0; step < 120; step++)
        {
            int action = chance.NextInt32(0, 12);
            var listener = new SocketId(chance.NextInt32(1, 20));
            var address = TransportAddress.Parse($"203.0.113.{chance.NextInt32(1, 5)}:{chance.NextInt32(0, 60)}");
            bench.Do(() =>
            {
                if (action == 0) bench.Puncher.AddLocal(bench.Now, listener, TransportAddress.Parse($"10.0.0.{chance.NextInt32(1, 3)}:{8_900 + listener.Value}"));
                else if (action == 1) bench.Puncher.RemoveLocal(bench.Now, listener);
                else if (action < 5) bench.Puncher.AddRemote(bench.Now, address, (TcpCandidateType)chance.NextInt32(0, 3));
                else if (action == 5) bench.Puncher.SprayFrom(bench.Now, TransportAddress.Parse("10.0.0.1:0"), PuncherBench.Remote, chance.NextInt32(1, 400));
                else if (action == 6) bench.Puncher.SprayTo(bench.Now, listener, address, [.. Enumerable.Range(1, chance.NextInt32(1, 400)).Select(port => (ushort)port)]);
                else if (action == 7) bench.Puncher.HandleDeadline(bench.Now);
                else if (action == 8 && step > 5) bench.Puncher.Start(bench.Now);
                else if (action == 10) bench.Puncher.HandleAccepted(bench.Now, new SocketId(-step), address);
                else if (action == 9 && chance.NextInt32(0, 30) == 0) bench.Puncher.Stop(bench.Now);
            });
            isStarted |= bench.Puncher.IsRunning;
            if (!isStarted) Assert.Empty(bench.Connects);

            // A late word about a socket that is gone, or was never there.
            bench.Tell(new SocketEvent.Failed(new SocketId(chance.NextInt32(1, 90)), SocketFailure.Refused, string.Empty), expected: false);
            foreach (var connected in bench.All<TcpPunchEvent.Connected>())
            {
                if (handedOver.Add(connected.Socket)) bench.Open.Remove(connected.Socket);
                else if (chance.NextInt32(0, 20) == 0) bench.Tell(new SocketEvent.Failed(connected.Socket, SocketFailure.Closed, string.Empty), expected: false);
            }

            bench.RunFor(TimeSpan.FromMilliseconds(chance.NextDouble(0, 150)));
        }

        bench.RunFor(TimeSpan.FromSeconds(20));
        foreach (var connected in bench.All<TcpPunchEvent.Connected>()) bench.Open.Remove(connected.Socket);
        Assert.Empty(bench.Open);
        Assert.False(bench.Puncher.IsRunning);
        Assert.Null(bench.Puncher.NextDeadline);
        Assert.False(bench.Budget.IsTaken);
        Assert.InRange(bench.Puncher.Attempts, 0, 1_600);
        Assert.InRange(bench.All<TcpPunchEvent.FreshPortWanted>().Count(), 0, TcpPuncher.MaxFreshPorts);
        Assert.InRange(bench.All<TcpPunchEvent.Exhausted>().Count(), 0, 1);
        Assert.InRange(bench.MostOpen, 0, TcpPuncher.MaxPairs + SprayBudget.MaxSockets);
        Assert.Equal(bench.Connects.Count, bench.Puncher.Attempts + bench.Puncher.SprayAttempts);
        TcpPuncherTests.AssertRate(bench.Connects.Select(connect => connect.At), 340 + SprayBudget.MaxPacketsPerSecond);
        Assert.DoesNotContain(bench.Connects, entry => entry.Connect.Local == entry.Connect.Remote || entry.Connect.Remote.Port == 0);
        if (isStarted) Assert.All(bench.Connects, entry => Assert.InRange(bench.Since(entry.At), TimeSpan.MinValue, TimeSpan.FromSeconds(30)));
    }
}
