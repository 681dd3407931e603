namespace Porthole.Cli.Chat;

/// <summary>How a chat is to run.</summary>
/// <param name="Connect">Whom to call at the start.</param>
/// <param name="AutoConnect">Whether to call every newcomer whom presence shows.</param>
/// <param name="Json">Whether to write JSON.</param>
/// <param name="Checks">Whether to show each connectivity check.</param>
internal sealed record ChatSettings(IReadOnlyList<string> Connect, bool AutoConnect, bool Json, bool Checks)
{
    /// <summary>Whether a person sits in front of it.</summary>
    public bool IsInteractive => !Json && !Console.IsInputRedirected && !Console.IsOutputRedirected;
}
