using System.Text.Json.Nodes;

namespace Porthole.NetworkTests.Forwarding;

/// <summary>What UDP over <c>porthole forward</c> carries on a clean path. Alone, because beside others that take all of the machine a path is not clean.</summary>
[Collection<Alone>]
public sealed class DatagramRateTests(ForwardingLab lab) : IClassFixture<ForwardingLab>
{
    private const int Rate = 5_000, Size = 1_200, Seconds = 3;

    [RootFact]
    public async Task Iperf3_loses_nothing_at_five_thousand_datagrams_a_second()
    {
        ForwardingLab.SkipWithout("iperf3");
        using var server = lab.Bob.Namespace.Start("iperf3", ["-s", "-B", "127.0.0.1", "-p", $"{ForwardingLab.Iperf}"]);
        await ForwardingLab.ListensAsync(lab.Bob, ForwardingLab.Iperf);
        string report = "";
        for (int attempt = 0; attempt < 5; attempt++) // what else the machine does may stop a program for longer than a socket's buffer lasts
        {
            report = await lab.RunAsync(
                lab.Alice, "iperf3", "-c", "127.0.0.1", "-p", $"{ForwardingLab.Iperf}", "-u", "-l", $"{Size}", "-b", $"{8 * Size * Rate}", "-t", $"{Seconds}", "-J");
            var sum = JsonNode.Parse(report)!["end"]!["sum"]!;
            if ((int)sum["lost_packets"]! == 0 && (int)sum["packets"]! >= 0.9 * Rate * Seconds) return;
        }

        Assert.Fail(report);
    }
}
