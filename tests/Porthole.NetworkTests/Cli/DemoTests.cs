namespace Porthole.NetworkTests.Cli;

public sealed class DemoTests(CliServer server) : IClassFixture<CliServer>
{
    [Fact]
    public async Task The_demo_shows_the_punch_and_chats_directly()
    {
        var result = await CliProcess.RunAsync(server.NewHome(), "demo");
        result.AssertEnded(0);
        Assert.Contains(result.Output, static line => line.Contains("moves to the direct path", StringComparison.Ordinal));
        Assert.Equal(4, result.Output.Count(static line => line.Contains("knows it was delivered", StringComparison.Ordinal)));
        Assert.DoesNotContain(result.Output, static line => line.Contains("RELAYED", StringComparison.Ordinal));
    }
}
