namespace Porthole.NetworkTests.Matrix;

/// <summary>The programs that the tests start, as they were built with the tests.</summary>
internal static class Programs
{
    private const string Own = "Porthole.NetworkTests";

    /// <summary><c>porthole</c>, which lies beside the tests.</summary>
    public static string Porthole { get; } = Path.Combine(AppContext.BaseDirectory, "Porthole.Cli");

    /// <summary>The peer of the tests, which lies in a folder of its own.</summary>
    public static string TestPeer { get; } =
        Path.Combine(AppContext.BaseDirectory.Replace(Own, "Porthole.TestPeer", StringComparison.Ordinal), "Porthole.TestPeer");

    /// <summary>One of the samples.</summary>
    public static string Sample(string name) => Path.Combine(AppContext.BaseDirectory.Replace(Path.Combine("tests", Own), Path.Combine("samples", name), StringComparison.Ordinal), name);
}
