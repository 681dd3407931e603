namespace Porthole.Cli.Transfer;

/// <summary>The other side was waited for as long as it was to be. It is no <see cref="PeerException"/>, which a sender would take for one more reason to dial again.</summary>
/// <param name="reason">Why the last attempt failed.</param>
internal sealed class GaveUpException(PeerException reason) : Exception(reason.Message, reason)
{
    /// <summary>Why the last attempt failed.</summary>
    public PeerException Reason { get; } = reason;
}
