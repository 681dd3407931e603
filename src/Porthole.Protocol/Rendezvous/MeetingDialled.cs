namespace Porthole.Protocol.Rendezvous;

/// <summary>What stands for the dialled name in the prologue of the handshake of two strangers, so that no call passes for a meeting nor one meeting for another.</summary>
public static class MeetingDialled
{
    private const string Prefix = "meet/"; // no name has a slash

    /// <summary>The text for one meeting.</summary>
    /// <param name="code">The public part of the pairing code; null for the lobby.</param>
    public static string Of(string? code) => Prefix + code;
}
