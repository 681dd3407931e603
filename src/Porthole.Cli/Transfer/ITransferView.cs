using System.Text.Json;

namespace Porthole.Cli.Transfer;

/// <summary>Where transfers are shown: a terminal, plain lines, or JSON. Safe from any thread.</summary>
internal interface ITransferView : IDisposable
{
    /// <summary>Says something that happened.</summary>
    /// <param name="name">The event, for JSON; null for what only people are told.</param>
    /// <param name="text">The line for people; null for what only programs are told.</param>
    /// <param name="fields">The event's fields.</param>
    void Say(string? name, string? text, Action<Utf8JsonWriter>? fields = null);

    /// <summary>Says on standard error what is wrong, and goes on.</summary>
    void Warn(string text);

    /// <summary>Shows how far a transfer is, if it is time for that.</summary>
    void Show(TransferTrack track);

    /// <summary>Shows a transfer no more: it is done, or interrupted.</summary>
    void Hide(TransferTrack track);

    /// <summary>Asks a person yes or no.</summary>
    /// <returns>False for no, and where there is nobody to ask.</returns>
    Task<bool> AskAsync(string question, CancellationToken cancellationToken);
}
