namespace Porthole.Cli.Transfer;

/// <summary>Chooses how transfers are shown.</summary>
internal static class TransferView
{
    /// <summary>Nothing fits into less, and some terminals say that they have no columns at all.</summary>
    private const int MinWidth = 20;

    /// <summary>The view for this run: JSON where it is asked for, a terminal where there is one, else plain lines.</summary>
    public static ITransferView Create(bool json) => json
        ? new JsonTransferView()
        : Console.IsOutputRedirected ? new PlainTransferView(Console.Out) : new TerminalTransferView(Console.Out, static () => Math.Max(Console.WindowWidth, MinWidth));
}
