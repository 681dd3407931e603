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
    /// <summary>Whether a person sits in front of it.</summary>
    public bool IsInteractive => !Json && !Console.IsInputRedirected && !Console.IsOutputRedirected;
}
