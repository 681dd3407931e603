namespace Porthole.Tests.Files;

/// <summary>A tree of a seed: names of many scripts and lengths, empty files and folders, deep ones, odd times and permissions.</summary>
internal static class RandomTree
{
    private static readonly string[] s_words = ["photo", "grüße", "文件夹", "данные", "emoji 🎉", "a b  c", ".hidden", "UPPER", "con.txt", "semi;colon", "#", "trailing.", new string('x', 200), "ßtraße", "-rf"];

    /// <summary>Plants it.</summary>
    /// <returns>The paths of its roots.</returns>
    public static string[] Plant(TempFolder folder, string name, int seed, int files, int maxSize)
    {
        var random = new Random(seed);
        var folders = new List<string> { Path.Combine(name, $"root {seed}"), Path.Combine(name, "zweite 根") };
        for (int i = 0; i < files / 3; i++) folders.Add(Path.Combine(folders[random.Next(folders.Count)], $"{i} {s_words[random.Next(s_words.Length)]}"));
        foreach (string one in folders) Directory.CreateDirectory(folder.PathOf(one));
        var all = new List<string>();
        for (int i = 0; i < files; i++)
        {
            string parent = i < 3 ? name : folders[random.Next(folders.Count)];
            byte[] bytes = new byte[random.Next(4) switch { 0 => 0, 1 => random.Next(1, 100), 2 => random.Next(1, 20_000), _ => random.Next(1, maxSize) }];
            random.NextBytes(bytes);
            string path = folder.Write(Path.Combine(parent, $"{i} {s_words[random.Next(s_words.Length)]}"), bytes);
            all.Add(path);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, (UnixFileMode)(random.Next(512) | 0x100));
        }

        foreach (string path in all.Concat(folders.Select(folder.PathOf).Reverse()))
        {
            var time = new DateTime(1970 + random.Next(-30, 100), 1 + random.Next(12), 1 + random.Next(28), 3, 4, 5, DateTimeKind.Utc).AddTicks(random.Next(10_000_000));
            if (Directory.Exists(path)) Directory.SetLastWriteTimeUtc(path, time);
            else File.SetLastWriteTimeUtc(path, time);
        }

        return Directory.GetFileSystemEntries(folder.PathOf(name));
    }
}
