namespace Porthole.Tests;

/// <summary>What this process holds, as Linux counts it.</summary>
internal static class OwnProcess
{
    /// <summary>The threads whose names begin so; Linux keeps 15 characters.</summary>
    public static int Threads(string prefix) => Count(Directory.GetDirectories("/proc/self/task"), static task => File.ReadAllText(Path.Combine(task, "comm")), prefix);

    public static int Sockets() => Count(Directory.GetFiles("/proc/self/fd"), static descriptor => File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name, "socket:");

    private static int Count(string[] entries, Func<string, string?> describe, string prefix) => entries.Count(entry =>
    {
        try
        {
            return describe(entry)?.StartsWith(prefix, StringComparison.Ordinal) == true;
        }
        catch (IOException)
        {
            return false; // it has just ended
        }
    });
}
