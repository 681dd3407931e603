using System.Globalization;
using System.Security.Cryptography;

namespace Porthole.NetworkTests.Transfer;

/// <summary>Makes files and folders to send, and looks at what arrived.</summary>
internal static class TransferFiles
{
    /// <summary>Writes a file whose every block differs from every other, quickly.</summary>
    public static void WriteBig(string path, long bytes)
    {
        byte[] block = new byte[1 << 20];
        new Random(5).NextBytes(block);
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
        for (long at = 0; at < bytes; at += block.Length)
        {
            for (int page = 0; page < block.Length; page += 4_096) BitConverter.TryWriteBytes(block.AsSpan(page), at + page);
            file.Write(block.AsSpan(0, (int)Math.Min(block.Length, bytes - at)));
        }
    }

    /// <summary>Writes a folder of small files, with whatever else a tree may hold: empty files and folders, long and foreign names, modes, old times.</summary>
    public static void WriteTree(string folder, int files)
    {
        var random = new Random(6);
        var time = new DateTime(2019, 7, 3, 12, 0, 0, DateTimeKind.Utc);
        byte[] content = new byte[8_192];
        string at = folder;
        for (int i = 0; i < files; i++)
        {
            if (i % 100 == 0) at = Directory.CreateDirectory(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"part {i / 1_000}"), string.Create(CultureInfo.InvariantCulture, $"ordner-ö-{i / 100}"))).FullName;
            string name = (i % 50) switch
            {
                0 => string.Create(CultureInfo.InvariantCulture, $"{new string('l', 200)}-{i}"),
                1 => string.Create(CultureInfo.InvariantCulture, $"文件 {i} – été.txt"),
                2 => string.Create(CultureInfo.InvariantCulture, $".hidden-{i}"),
                _ => string.Create(CultureInfo.InvariantCulture, $"file-{i}.bin"),
            };
            string path = Path.Combine(at, name);
            random.NextBytes(content);
            File.WriteAllBytes(path, content.AsSpan(0, i % 97 == 0 ? 0 : random.Next(1, content.Length)));
            if (i % 10 == 3 && !OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute);
            File.SetLastWriteTimeUtc(path, time.AddMinutes(i));
        }

        Directory.CreateDirectory(Path.Combine(folder, "empty", "within"));
        foreach (string below in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories)) Directory.SetLastWriteTimeUtc(below, time);
    }

    /// <summary>A file's SHA-256 as the command writes it.</summary>
    public static string Sha256(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    /// <summary>Every file and folder below a folder: kind, mode, time, and of a file size and hash.</summary>
    public static SortedDictionary<string, string> Describe(string folder)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
        {
            string what = entry is FileInfo file
                ? string.Create(CultureInfo.InvariantCulture, $"file of {file.Length}, {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName)))}")
                : "folder";
            all[Path.GetRelativePath(folder, entry.FullName)] = string.Create(CultureInfo.InvariantCulture, $"{what}, {entry.UnixFileMode}, {entry.LastWriteTimeUtc:O}");
        }

        return all;
    }
}
