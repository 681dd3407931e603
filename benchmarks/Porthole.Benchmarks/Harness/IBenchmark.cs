namespace Porthole.Benchmarks.Harness;

/// <summary>One benchmark that can be run by name.</summary>
internal interface IBenchmark
{
    /// <summary>What it is run by.</summary>
    string Name { get; }

    /// <summary>What it measures, against what, in one line.</summary>
    string Summary { get; }

    /// <summary>Runs it.</summary>
    /// <param name="rounds">How many rounds; 0 for the benchmark's own choice.</param>
    /// <returns>Its tables, in Markdown.</returns>
    Task<string> RunAsync(int rounds);
}
