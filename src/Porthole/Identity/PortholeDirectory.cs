namespace Porthole.Identity;

/// <summary>The directory of a user's identity and of the keys that the user trusts.</summary>
public static class PortholeDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary><c>$XDG_CONFIG_HOME/porthole</c>, else <c>~/.config/porthole</c>; on Windows <c>porthole</c> in the user's application data.</summary>
    public static string Default
    {
        get
        {
            string? configured = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME");
            if (!string.IsNullOrEmpty(configured) && Path.IsPathRooted(configured)) return Path.Combine(configured, "porthole"); // a relative one is to be ignored
            if (OperatingSystem.IsWindows()) return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData), "porthole");
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config", "porthole");
        }
    }

    /// <summary>Creates the directory of a file, for its owner alone. One that is there stays as it is.</summary>
    internal static void CreateFor(string file)
    {
        string? directory = Path.GetDirectoryName(Path.GetFullPath(file));
        if (directory is null || Directory.Exists(directory)) return;
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(directory);
        else Directory.CreateDirectory(directory, OwnerOnly);
    }
}
