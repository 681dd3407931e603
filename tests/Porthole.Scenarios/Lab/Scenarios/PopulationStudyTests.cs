using System.Globalization;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Scenarios;

public sealed class PopulationStudyTests
{
    /// <summary>A small study reaches less than this only if something is wrong.</summary>
    private const double Floor = 0.92;

    [Theory]
    [InlineData("60/30/10", 0.179, 0.951)]
    [InlineData("100/0/0", 0.040, 1)]
    [InlineData("0/100/0", 0.400, 1)]
    [InlineData("30/65/5", 0.289, 0.975)]
    [InlineData("0/0/100", 0.350, 0.5625)]
    public void The_weights_of_a_mix_add_up(string text, double symmetric, double ceiling)
    {
        Assert.True(PopulationMix.TryParse(text, out var mix));
        Assert.Equal(text, mix.ToString());
        var classes = PopulationClass.Of(mix);
        Assert.Equal(1, classes.Sum(static one => one.Weight), 9);
        Assert.All(classes, static one => Assert.InRange(one.Weight, double.Epsilon, 1));
        Assert.Equal(symmetric, classes.Where(static one => one.Kind.StartsWith('D')).Sum(static one => one.Weight), 3);
        Assert.Equal(ceiling, new PopulationReport(new PopulationOptions { Mix = mix }, classes, []).Ceiling, 3);
    }

    [Fact]
    public void A_home_without_a_carriers_nat_has_a_gateway_in_three_cases_of_ten()
    {
        var homes = PopulationClass.Of(PopulationMix.Consumer).Where(static one => one.Place == "home").ToList();
        Assert.Equal(0.3, homes.Where(static one => one.Side.HasGateway).Sum(static one => one.Weight) / homes.Sum(static one => one.Weight), 9);
        Assert.DoesNotContain(PopulationClass.Of(PopulationMix.Consumer), static one => one.Place != "home" && one.Side.HasGateway);
    }

    [Fact]
    public void Half_of_a_carriers_random_nats_give_blocks()
    {
        var random = PopulationClass.Of(PopulationMix.Consumer).Where(static one => one.Place == "mobile" && one.Kind is "D random" or "D random, block").ToList();
        double blocks = random.Where(static one => one.Side.Nat.Allocation is PortAllocation.Block).Sum(static one => one.Weight);
        Assert.Equal(0.5, blocks / random.Where(static one => one.Place == "mobile").Sum(static one => one.Weight), 9);
    }

    [Theory]
    [InlineData("60/30")]
    [InlineData("60/30/11")]
    [InlineData("-10/100/10")]
    [InlineData("a/b/c")]
    [InlineData("")]
    [InlineData(null)]
    public void What_does_not_add_up_is_no_mix(string? text) => Assert.False(PopulationMix.TryParse(text, out _));

    [Theory]
    [InlineData(95, 100, 0.8882, 0.9785)]
    [InlineData(0, 10, 0, 0.2775)]
    [InlineData(10, 10, 0.7225, 1)]
    [InlineData(0, 0, 0, 1)]
    public void The_interval_is_Wilsons(int hits, int count, double low, double high)
    {
        var interval = PopulationReport.Wilson(hits, count);
        Assert.Equal(low, interval.Low, 4);
        Assert.Equal(high, interval.High, 4);
    }

    [Fact]
    public void A_small_study_accounts_for_every_pair()
    {
        var options = new PopulationOptions { Pairs = 200, Seed = 3, Transports = Transports.Udp };
        int calls = 0;
        var report = new PopulationStudy(options).Run(_ => Interlocked.Increment(ref calls));
        Assert.Equal(200, calls);
        Assert.Equal(200, report.Pairs.Length);
        Assert.All(report.Pairs, static pair => Assert.True(pair.IsOpen, $"{pair.Cell} has no session"));
        Assert.DoesNotContain(report.Pairs, static pair => pair.Method is not null && !pair.HasUdp);
        Assert.Equal(report.Direct, report.Pairs.Count(static pair => pair.ToDirect is not null));
        Assert.Equal(200, report.GetCells().Sum(static cell => cell.Pairs));
        Assert.Equal(report.Direct, report.GetCells().Sum(static cell => cell.Direct));
        Assert.True(report.ShareOfCeiling >= Floor, report.ToMarkdown());

        string text = report.ToMarkdown();
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"| **direct** | **{report.Direct}** |"), text, StringComparison.Ordinal);
        Assert.Equal(text, new PopulationStudy(options).Run().ToMarkdown());
        string document = $"before\n{PopulationReport.BeginMark}\nold\n{PopulationReport.EndMark}\nafter\n";
        Assert.Equal($"before\n{PopulationReport.BeginMark}\n\n{text}\n{PopulationReport.EndMark}\nafter\n", report.WriteInto(document));
    }

    [Fact]
    public void What_a_pair_gains_is_counted_once()
    {
        var pair = new PopulationPair(PopulationClass.Of(PopulationMix.Consumer)[0], PopulationClass.Of(PopulationMix.Consumer)[1], true, null, null, 0);
        var report = new PopulationReport(
            new PopulationOptions(),
            PopulationClass.Of(PopulationMix.Consumer),
            [pair with { GainsByTcp = true, GainsByMapping = true, GainsByBoth = true }, pair with { GainsByBoth = true }, pair, pair with { Method = PunchMethod.Plain }]);
        string text = report.ToMarkdown();
        Assert.Contains("| nothing: UDP alone | – | 25.0 % |", text, StringComparison.Ordinal);
        Assert.Contains("| TCP | 1 | 50.0 % |", text, StringComparison.Ordinal);
        Assert.Contains("| mapped ports | 1 | 50.0 % |", text, StringComparison.Ordinal);
        Assert.Contains("| both | 2 | 75.0 % |", text, StringComparison.Ordinal);
    }
}
