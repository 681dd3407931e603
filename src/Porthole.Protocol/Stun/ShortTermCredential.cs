using System.Text;

namespace Porthole.Protocol.Stun;

/// <summary>
/// A user name and a password for a while (RFC 8489 section 9.1). Both are used as they are: they are made of ASCII here and in ICE, which the
/// OpaqueString profile leaves alone.
/// </summary>
public sealed class ShortTermCredential : IEquatable<ShortTermCredential>
{
    /// <summary>The longest USERNAME, in bytes (RFC 8489 section 14.3: fewer than 509).</summary>
    public const int MaxUsernameLength = 508;

    private readonly byte[] _username;
    private readonly byte[] _key;

    /// <summary>Creates a credential.</summary>
    /// <param name="username">The user name: 1 to <see cref="MaxUsernameLength"/> bytes of UTF-8.</param>
    /// <param name="password">The password: not empty.</param>
    /// <exception cref="ArgumentException">One is empty, or the user name is too long.</exception>
    public ShortTermCredential(string username, string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(username);
        ArgumentException.ThrowIfNullOrEmpty(password);
        _username = Encoding.UTF8.GetBytes(username);
        _key = Encoding.UTF8.GetBytes(password);
        if (_username.Length > MaxUsernameLength) throw new ArgumentException("The user name is too long for STUN.", nameof(username));
        (Username, Password) = (username, password);
    }

    /// <summary>The user name.</summary>
    public string Username { get; }

    /// <summary>The password.</summary>
    public string Password { get; }

    /// <summary>The value of USERNAME.</summary>
    public ReadOnlySpan<byte> UsernameBytes => _username;

    /// <summary>The key of MESSAGE-INTEGRITY: the password's bytes (RFC 8489 section 9.1.1).</summary>
    public ReadOnlySpan<byte> Key => _key;

    /// <inheritdoc/>
    public bool Equals(ShortTermCredential? other) => other is not null && Username == other.Username && Password == other.Password;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ShortTermCredential);

    /// <inheritdoc/>
    public override int GetHashCode() => Username.GetHashCode(StringComparison.Ordinal);

    /// <summary>The user name; never the password.</summary>
    public override string ToString() => $"{Username}:…";
}
