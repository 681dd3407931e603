namespace Porthole.Protocol.Rendezvous;

/// <summary>The ICE credentials of one side (RFC 8445 section 5.3), drawn by the server, new for each session and each restart.</summary>
/// <param name="Ufrag">The user name fragment, 4 to 256 ice-chars.</param>
/// <param name="Password">The password, 22 to 256 ice-chars.</param>
public sealed record IceCredentialInfo(string Ufrag, string Password)
{
    /// <summary>The fragment alone: passwords are not printed.</summary>
    public override string ToString() => $"IceCredentialInfo({Ufrag}, …)";
}
