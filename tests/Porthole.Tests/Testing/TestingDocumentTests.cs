using System.Runtime.CompilerServices;

namespace Porthole.Tests.Testing;

/// <summary>docs/testing.md shows code that is compiled and runs.</summary>
public sealed class TestingDocumentTests
{
    [Fact]
    public async Task Every_example_stands_in_the_tests_line_by_line()
    {
        string folder = Path.GetDirectoryName(ThisFile())!;
        string[] source = Lines(await File.ReadAllTextAsync(Path.Combine(folder, "TestingExamples.cs"), TestContext.Current.CancellationToken));
        string document = await File.ReadAllTextAsync(Path.Combine(folder, "..", "..", "..", "docs", "testing.md"), TestContext.Current.CancellationToken);
        var examples = document.Split("```csharp").Skip(1).Select(static part => Lines(part.Split("```")[0])).ToList();
        Assert.NotEmpty(examples);
        Assert.All(examples, example => Assert.True(StandsIn(example, source), string.Join('\n', example)));
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static bool StandsIn(string[] example, string[] source) =>
        Enumerable.Range(0, source.Length).Any(start => source.AsSpan(start).StartsWith(example));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
