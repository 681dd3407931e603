using System.Runtime.CompilerServices;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab;

/// <summary>The scenario of docs/lab.md.</summary>
public sealed class FirstScenarioTests
{
    [Fact]
    public void A_session_goes_on_over_the_relay_when_its_direct_path_is_cut()
    {
        var world = new PeerInternet(seed: 7, LinkOptions.WithDelay(10));
        var lab = world.Simulation;
        var home = lab.Internet.AddNat("home", NatProfile.PortRestricted, "203.0.113.1", link: LinkOptions.WithDelay(10));
        var office = lab.Internet.AddNat("office", NatProfile.Restricted, "203.0.113.2", "10.0.0.0/8", LinkOptions.WithDelay(15));
        var alice = world.AddPeer("alice", home.Inside, "192.168.1.10");
        var bob = world.AddPeer("bob", office.Inside, "10.0.0.7");
        Assert.True(lab.RunUntil(() => alice.IsRegistered && bob.IsRegistered, TimeSpan.FromSeconds(5)));

        var connection = alice.Connect("bob");
        Assert.True(lab.RunUntil(() => alice.PathOf(connection)?.Kind == PathKind.Udp, TimeSpan.FromSeconds(5)));

        var cut = lab.CutDirect(alice.Host, bob.Host);
        alice.Send(connection, new byte[1_000_000]);
        Assert.True(lab.RunUntil(() => bob.BytesReceived == 1_000_000, TimeSpan.FromSeconds(10)));
        Assert.True(cut.Dropped > 0);

        cut.Heal();
        Assert.True(lab.RunUntil(() => alice.PathOf(connection)?.Kind == PathKind.Udp, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void The_scenario_of_the_documentation_is_this_one()
    {
        string source = File.ReadAllText(ThisFile());
        int begin = source.IndexOf("    [Fact]", StringComparison.Ordinal);
        int end = source.IndexOf("    [Fact]", begin + 1, StringComparison.Ordinal);
        var lines = source[begin..end].TrimEnd().Split('\n');
        string code = string.Join('\n', lines.Select(line => line.StartsWith("    ", StringComparison.Ordinal) ? line[4..] : line));
        Assert.Contains($"```csharp\n{code}\n```", Document(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(AnswerRoute.SameSession)]
    [InlineData(AnswerRoute.NewMapping)]
    public void The_tables_of_the_documentation_are_those_of_the_model(AnswerRoute answers) =>
        Assert.Contains(PunchModel.RenderTable(FilterScope.PerMapping, answers), Document(), StringComparison.Ordinal);

    [Fact]
    public void The_table_of_tcp_in_the_documentation_is_that_of_the_model() =>
        Assert.Contains(TcpPunchModel.RenderTable(UnsolicitedSyn.Reset, UnsolicitedSyn.Reset), Document(), StringComparison.Ordinal);

    private static string Document() => File.ReadAllText(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../docs/lab.md"));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
