namespace Porthole.Cli.Chat;

/// <summary>Shows what happens in a chat. Safe from any thread.</summary>
internal interface IChatView
{
    /// <summary>Shows an event.</summary>
    void Show(ChatEvent happened);
}
