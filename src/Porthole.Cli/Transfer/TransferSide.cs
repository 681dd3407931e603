namespace Porthole.Cli.Transfer;

/// <summary>The two sides of a transfer.</summary>
internal enum TransferSide
{
    /// <summary>Sends.</summary>
    Send,

    /// <summary>Receives.</summary>
    Receive,
}
