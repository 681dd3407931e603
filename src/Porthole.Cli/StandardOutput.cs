using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Porthole.Cli;

/// <summary>Standard output, as something that has an end.</summary>
internal static partial class StandardOutput
{
    private const string Descriptors = "/proc/self/fd";

    private const int Input = 0, Output = 1, Error = 2;

    private const int WindowsOutput = -11;

    /// <summary>The direction of <c>shutdown</c> that is written.</summary>
    private const int Writes = 1;

    /// <summary>Closes it: whoever reads it sees its end, though the program goes on. Nothing can be written any more.</summary>
    /// <returns>False where that cannot be done.</returns>
    public static bool TryClose()
    {
        if (!Console.IsOutputRedirected) return true; // nobody waits for its end
        if (OperatingSystem.IsWindows())
        {
            new SafeFileHandle(GetStdHandle(WindowsOutput), ownsHandle: true).Dispose();
            return true;
        }

        if (!OperatingSystem.IsLinux() || TargetOf(Output) is not { } target || target == TargetOf(Error)) return false;
        if (target.StartsWith("socket:", StringComparison.Ordinal)) return ShutDown(Output, Writes) == 0;
        if (target == TargetOf(Input)) return false;

        // The runtime holds copies of its own. None is closed, so that no number stands for something else meanwhile.
        using var nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write);
        foreach (string entry in Directory.GetFileSystemEntries(Descriptors))
        {
            int descriptor = int.Parse(Path.GetFileName(entry.AsSpan()), CultureInfo.InvariantCulture);
            if (TargetOf(descriptor) == target && Duplicate((int)nothing.DangerousGetHandle(), descriptor) < 0) return false;
        }

        return true;
    }

    private static string? TargetOf(int descriptor) => new FileInfo(string.Create(CultureInfo.InvariantCulture, $"{Descriptors}/{descriptor}")).LinkTarget;

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    private static partial int ShutDown(int socket, int direction);

    [LibraryImport("kernel32.dll")]
    private static partial nint GetStdHandle(int name);
}
