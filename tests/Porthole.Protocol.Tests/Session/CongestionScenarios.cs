namespace Porthole.Protocol.Tests.Session;

/// <summary>CUBIC with pacing over a bottleneck with a drop-tail queue (RFC 9438): it fills the path, and shares it.</summary>
public sealed class CongestionScenarios(ITestOutputHelper output)
{
    private const double Rate = 20e6 / 8;

    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_flow_fills_85_percent_of_a_20_megabit_bottleneck_at_40_ms(double queueInBandwidthDelayProducts)
    {
        var lab = SessionLab.Direct(out var direct);
        direct.ToBob.Rate = Rate;
        direct.ToBob.QueueLimit = queueInBandwidthDelayProducts * Rate * 0.040;
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 1L << 40);
        lab.RunFor(5_000);
        var before = lab.Bob.Sinks[0].Position;
        lab.RunFor(10_000);
        double share = (lab.Bob.Sinks[0].Position - before) / (Rate * 10);
        output.WriteLine($"{share:P1} of the rate, {lab.Alice.Session.Statistics}");
        Assert.InRange(share, 0.85, 1);
    }

    [Fact]
    public void Slow_start_does_not_flood_the_bottleneck()
    {
        var lab = SessionLab.Direct(out var direct);
        direct.ToBob.Rate = Rate;
        direct.ToBob.QueueLimit = Rate * 0.040;
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 1L << 40);
        lab.RunFor(2_000);
        var statistics = lab.Alice.Session.Statistics;
        output.WriteLine($"{statistics} {lab.Bob.Sinks[0].Position / (Rate * 2):P1}");
        Assert.True(statistics.PacketsLost < statistics.PacketsSent / 10, $"{statistics}");
        Assert.True(lab.Bob.Sinks[0].Position > 0.7 * Rate * 2);
    }

    [Fact]
    public void Two_flows_share_a_bottleneck_within_30_percent()
    {
        var shared = new LabLink { Delay = TimeSpan.FromMilliseconds(20), Rate = Rate, QueueLimit = Rate * 0.040 };
        var labs = new[] { Flow(1, shared), Flow(2, shared) };
        foreach (var lab in labs)
        {
            lab.Alice.Send(lab.Now, 1L << 40);
            Run(labs, 3_000); // the second comes when the first has the whole rate
        }

        Run(labs, 10_000);
        long[] before = [.. labs.Select(lab => lab.Bob.Sinks[0].Position)];
        Run(labs, 20_000);
        double[] rates = [.. labs.Select((lab, i) => (double)(lab.Bob.Sinks[0].Position - before[i]))];
        output.WriteLine($"{rates[0] / (Rate * 20):P1} and {rates[1] / (Rate * 20):P1}");
        Assert.InRange(rates[0] / rates[1], 0.7, 1 / 0.7);
        Assert.True(rates.Sum() > 0.85 * Rate * 20);
    }

    [Fact]
    public void Half_a_gigabit_at_40_ms_is_reached_in_three_seconds_and_held()
    {
        var lab = SessionLab.Direct(out var direct);
        const double rate = 0.6e9 / 8;
        direct.ToBob.Rate = rate;
        direct.ToBob.QueueLimit = rate * 0.040;
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 1L << 40);
        lab.RunFor(3_000);
        long before = lab.Bob.Sinks[0].Position;
        lab.RunFor(1_000);
        double gigabits = (lab.Bob.Sinks[0].Position - before) * 8 / 1e9;
        output.WriteLine($"{gigabits:0.000} Gbit/s {lab.Alice.Session.Statistics} {SessionLab.Status(lab.Alice, direct.AtAlice).CongestionWindow}");
        Assert.True(gigabits >= 0.5, $"{gigabits:0.000} Gbit/s");
    }

    private static SessionLab Flow(int seed, LabLink shared)
    {
        var lab = SessionLab.Direct(out var direct, seed);
        direct.ToBob = shared;
        lab.ReadEverything();
        return lab;
    }

    private static void Run(SessionLab[] labs, int milliseconds)
    {
        for (int i = 0; i < 4 * milliseconds; i++)
        {
            labs[i % 2].RunFor(0.25); // less than a packet takes on the bottleneck, and by turns: neither flow is always first
            labs[(i + 1) % 2].RunFor(0.25);
        }
    }
}
