using System.Security.Cryptography;
using System.Text;

namespace Porthole.Tests.Files;

/// <summary>A folder of one test, gone with it.</summary>
internal sealed class TempFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("porthole-files-").FullName;

    public string PathOf(string name) => Path.Combine(_path, name);

    public string Write(string name, byte[] bytes)
    {
        string path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>Everything in a folder: names, sizes, contents, times and permissions, a line each. Links are named and not followed.</summary>
    public static string Describe(string folder)
    {
        var text = new StringBuilder();
        foreach (var info in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).OrderBy(info => info.FullName, StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(folder, info.FullName);
            string mode = OperatingSystem.IsWindows() ? string.Empty : info.UnixFileMode.ToString();
            string content = info.LinkTarget is { } link ? $"-> {link}" : info is FileInfo file ? $"{file.Length} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName)))}" : "folder";
            text.Append(name).Append(" | ").Append(mode).Append(" | ").Append(info.LastWriteTimeUtc.Ticks).Append(" | ").Append(content).Append('\n');
        }

        return text.ToString();
    }

    public void Dispose()
    {
        if (!OperatingSystem.IsWindows())
        {
            foreach (string folder in Directory.EnumerateDirectories(_path, "*", SearchOption.AllDirectories))
            {
                if (new DirectoryInfo(folder).LinkTarget is null) File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }

        Directory.Delete(_path, recursive: true);
    }
}
