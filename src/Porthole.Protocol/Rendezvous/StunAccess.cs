namespace Porthole.Protocol.Rendezvous;

/// <summary>The short-term credential (RFC 8489 section 9.1) that the server's STUN ports ask of this peer.</summary>
/// <param name="Username">The user name.</param>
/// <param name="Password">The password.</param>
/// <param name="Lifetime">How long it is good for, counted from its arrival; a new one comes before.</param>
public sealed record StunAccess(string Username, string Password, TimeSpan Lifetime)
{
    /// <summary>The user name alone: passwords are not printed.</summary>
    public override string ToString() => $"StunAccess({Username}, …)";
}
