namespace Porthole.Cli.Chat;

/// <summary>How a chat is to run.</summary>
/// <param name="Connect">Whom to call at the start.</param>
/// <param name="Room">The room it is in; null for none.</param>
/// <param name="AutoConnect">Whether to connect to everybody in the room; without one, whether to call every newcomer whom presence shows.</param>
/// <param name="OpensToRoom">Whether being in the room is enough to be let in: nothing else was said about who is.</param>
/// <param name="Json">Whether to write JSON.</param>
/// <param name="Checks">Whether to show each connectivity check.</param>
internal sealed record ChatSettings(IReadOnlyList<string> Connect, string? Room, bool AutoConnect, bool OpensToRoom, bool Json, bool Checks)
{
    /// <summary>Where files go that are received.</summary>
    public required string Downloads { get; init; }

    /// <summary>Whether files are taken without asking.</summary>
    public bool AcceptsFiles { get; init; }

    /// <summary>Whether somebody can be asked whether files are taken: a person, or a program that reads what is offered.</summary>
    public bool CanAsk => IsInteractive || Json;

    /// <summary>Where files go when nothing else was said: the person's folder for such things, or, where there is none, the current one.</summary>
    public static string StandardDownloads
    {
        get
        {
            string folder = Environment.GetEnvironmentVariable("XDG_DOWNLOAD_DIR") is { Length: > 0 } named
                ? named
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "Downloads");
            return Directory.Exists(folder) ? folder : Environment.CurrentDirectory;
        }
    }

    /// <summary>Whether a person sits in front of it.</summary>
    public bool IsInteractive => !Json && !Console.IsInputRedirected && !Console.IsOutputRedirected;
}
