using System.Runtime.InteropServices;
using System.Text;

namespace Porthole.Identity;

/// <summary>Writes files that only their owner may read, whole or not at all.</summary>
internal static partial class OwnerFile
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Writes beside the file and moves it into place, so that nobody ever reads half of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="text">All of it.</param>
    /// <param name="replace">Whether a file that is there gives way.</param>
    /// <returns>False when a file is there and stays.</returns>
    public static bool Write(string path, string text, bool replace)
    {
        PortholeDirectory.CreateFor(path);
        string beside = $"{path}.{Environment.ProcessId}-{Environment.CurrentManagedThreadId}.new";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = Mode;
            using (var stream = new FileStream(beside, options))
            {
                stream.Write(Encoding.UTF8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }

            if (replace) File.Move(beside, path, overwrite: true);
            else Publish(beside, path);
            return true;
        }
        catch (IOException) when (!replace && File.Exists(path))
        {
            return false;
        }
        finally
        {
            File.Delete(beside);
        }
    }

    /// <summary>Whether anyone but the owner has any right to the file; never on Windows, where rights come from the user's folder.</summary>
    public static bool IsOpenToOthers(string path) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & Others) != 0;

    /// <summary>Gives the file its name unless that is taken, in one step. A move is two steps on Unix: it looks, and then renames over whatever is there by then.</summary>
    private static void Publish(string beside, string path)
    {
        if (!OperatingSystem.IsWindows() && Link(beside, path) == 0) return; // both names are this file; the other goes
        if (File.Exists(path)) throw new IOException("The file exists.");
        File.Move(beside, path); // a file system without links
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);
}
