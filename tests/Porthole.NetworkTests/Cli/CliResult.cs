using System.Text.Json.Nodes;

namespace Porthole.NetworkTests.Cli;

/// <summary>What a command left behind.</summary>
internal sealed record CliResult(int ExitCode, IReadOnlyList<string> Output, IReadOnlyList<string> Errors)
{
    /// <summary>The output as JSON, one object a line.</summary>
    public JsonNode[] Events => [.. Output.Select(static line => JsonNode.Parse(line)!)];

    /// <summary>Asserts an exit code and, for failures, the one line that explains it.</summary>
    public void AssertEnded(int code)
    {
        Assert.True(code == ExitCode, $"Exit code {ExitCode} in place of {code}:\n{string.Join('\n', Errors)}\n{string.Join('\n', Output)}");
        if (code == 0)
        {
            Assert.Empty(Errors);
            return;
        }

        Assert.StartsWith("porthole: ", Assert.Single(Errors), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Errors[0], StringComparison.Ordinal); // no stack trace
    }
}
