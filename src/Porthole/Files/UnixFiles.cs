using System.Runtime.InteropServices;

namespace Porthole.Files;

/// <summary>What .NET does not say or do on Unix: whether something is an ordinary file, a rename that replaces nothing, and a flush of a whole file system.</summary>
internal static unsafe partial class UnixFiles
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const uint NoReplace = 1; // RENAME_NOREPLACE
    private const uint TypeMask = 0xF000, RegularFile = 0x8000, Folder = 0x4000, SymbolicLink = 0xA000;
    private const int Exists = 17; // EEXIST

    /// <summary>Whether it is a device, a pipe or a socket, opening which may wait for ever or do harm. False where the system cannot be asked.</summary>
    public static bool IsSpecial(string path)
    {
        byte* buffer = stackalloc byte[512]; // struct statx has 256 bytes, struct stat fewer
        uint mode;
        try
        {
            if (OperatingSystem.IsLinux())
            {
                if (StatX(CurrentFolder, path, NoFollow, 1, buffer) != 0) return false;
                mode = *(ushort*)(buffer + 28); // stx_mode
            }
            else if (OperatingSystem.IsMacOS())
            {
                if ((RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? MacStat(path, buffer) : MacStat64(path, buffer)) != 0) return false;
                mode = *(ushort*)(buffer + 4); // st_mode
            }
            else
            {
                return false;
            }
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }

        return (mode & TypeMask) is not (RegularFile or Folder or SymbolicLink);
    }

    /// <summary>Gives a file or folder its name in one step, unless that is taken.</summary>
    /// <exception cref="IOException">The name is taken, or it cannot be done.</exception>
    public static void Publish(string from, string to, bool isFolder)
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                if (Rename(CurrentFolder, from, CurrentFolder, to, NoReplace) == 0) return;
                if (Marshal.GetLastPInvokeError() == Exists) throw new IOException("The name is taken.");
            }
            catch (EntryPointNotFoundException)
            {
                // A library older than 2018: the way of all others.
            }
        }

        if (isFolder) Directory.Move(from, to);
        else File.Move(from, to, overwrite: false);
    }

    /// <summary>Writes everything that waits to the file system of an open file to the disk.</summary>
    /// <returns>False where that cannot be asked for.</returns>
    public static bool FlushFileSystem(SafeHandle file)
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            return SyncFileSystem(file) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int folder, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "lstat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MacStat(string path, byte* buffer);

    [LibraryImport("libc", EntryPoint = "lstat$INODE64", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MacStat64(string path, byte* buffer);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(int fromFolder, string from, int toFolder, string to, uint flags);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFileSystem(SafeHandle file);
}
