using System.Buffers;

namespace Porthole.Protocol.Ice;

/// <summary>
/// The short-term credentials of one agent (RFC 8445 section 5.3). The password is a secret between the two agents and their signalling.
/// </summary>
public sealed record IceCredentials
{
    /// <summary>The fewest characters of a username fragment: 24 bits (RFC 8445 section 5.3).</summary>
    public const int MinUsernameFragment = 4;

    /// <summary>The fewest characters of a password: 128 bits (RFC 8445 section 5.3).</summary>
    public const int MinPassword = 22;

    /// <summary>The most characters of either (RFC 8445 section 5.3).</summary>
    public const int MaxLength = 256;

    // 6 bits a character, so a fragment of 48 bits and a password of 144: above the least that RFC 8445 asks, as it advises.
    private const int DrawnUsernameFragment = 8;
    private const int DrawnPassword = 24;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    private static readonly SearchValues<char> s_iceChars = SearchValues.Create(Alphabet);

    /// <summary>Creates credentials that are known already.</summary>
    /// <param name="usernameFragment">4 to 256 ice-chars.</param>
    /// <param name="password">22 to 256 ice-chars.</param>
    /// <exception cref="ArgumentException">One is too short, too long, or has other characters.</exception>
    public IceCredentials(string usernameFragment, string password)
    {
        if (!AreValid(usernameFragment, password))
        {
            throw new ArgumentException("ICE credentials are 4 to 256 and 22 to 256 letters, digits, '+' and '/'.", nameof(usernameFragment));
        }

        (UsernameFragment, Password) = (usernameFragment, password);
    }

    /// <summary>The username fragment, 4 to 256 ice-chars. Not a secret.</summary>
    public string UsernameFragment { get; }

    /// <summary>The password, 22 to 256 ice-chars.</summary>
    public string Password { get; }

    /// <summary>Draws new credentials.</summary>
    public static IceCredentials Create(EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        return new IceCredentials(Draw(entropy, DrawnUsernameFragment), Draw(entropy, DrawnPassword));
    }

    /// <summary>Whether these could be somebody's credentials: for text from the network, before the constructor sees it.</summary>
    public static bool AreValid(string? usernameFragment, string? password) =>
        usernameFragment is { Length: >= MinUsernameFragment and <= MaxLength } && AreIceChars(usernameFragment)
        && password is { Length: >= MinPassword and <= MaxLength } && AreIceChars(password);

    /// <summary>The fragment alone.</summary>
    public override string ToString() => $"IceCredentials({UsernameFragment}, …)";

    internal static bool AreIceChars(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(s_iceChars);

    private static string Draw(EntropySource entropy, int length)
    {
        Span<byte> bytes = stackalloc byte[DrawnPassword];
        Span<char> text = stackalloc char[DrawnPassword];
        entropy.Fill(bytes[..length]);
        for (int i = 0; i < length; i++) text[i] = Alphabet[bytes[i] & 63];
        return new string(text[..length]);
    }
}
