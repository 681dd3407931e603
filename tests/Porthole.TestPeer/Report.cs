using System.Text.Json;

namespace Porthole.TestPeer;

/// <summary>Lines of JSON on standard output.</summary>
internal static class Report
{
    private static readonly Lock s_lock = new();

    /// <summary>Milliseconds since 1970: one clock for the test and all its programs.</summary>
    public static double Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    public static void Write(object line)
    {
        string text = JsonSerializer.Serialize(line);
        lock (s_lock) Console.Out.WriteLine(text);
    }
}
