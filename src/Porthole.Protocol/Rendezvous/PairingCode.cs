using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// A code that two people share to meet, made by one and typed by the other: a public part that the server matches, a secret part that it never sees, and
/// a check character that catches a slip of the typing before anybody is asked. Written <c>7K2QD-M4TX-9WCB-J6RPG</c>; upper and lower case, dashes and
/// blanks make no difference. Works once.
/// </summary>
/// <remarks>
/// The alphabet is Crockford's base32: no I, L, O or U, and who reads 1 for I or L and 0 for O has read it right. The check character is one more digit of a
/// Reed-Solomon code over GF(32): every single wrong character, and every two that have changed places, are found.
/// </remarks>
public sealed class PairingCode : IEquatable<PairingCode>
{
    /// <summary>The length of the public part in characters of 5 bits: 33 million, so that two pairs hardly ever draw the same.</summary>
    public const int PublicLength = 5;

    /// <summary>The length of the secret part in characters of 5 bits: 60 bits, which nobody has the time to try.</summary>
    public const int SecretLength = 12;

    /// <summary>The length of the whole, with the check character, without dashes.</summary>
    public const int Length = PublicLength + SecretLength + 1;

    /// <summary>Rounds of PBKDF2 (OWASP's number for SHA-256): who has recorded a failed handshake tries 2^59 secrets at a good 100 ms each.</summary>
    private const int Rounds = 600_000;

    /// <summary>The length of the derived key (Noise section 9: a psk has 32 bytes).</summary>
    private const int KeySize = 32;

    /// <summary>Longer than any way to write a code, with a blank or dash after each character.</summary>
    private const int MaxText = 3 * Length;

    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    private const string Version = "porthole/1 pairing ";

    // x^5 + x^2 + 1 is primitive over GF(2): x has order 31, more than a code has characters, so each place has a weight of its own.
    private const int Polynomial = 0b100101;

    private static readonly SearchValues<char> s_alphabet = SearchValues.Create(Alphabet);

    private readonly string _characters;

    private PairingCode(string characters) => _characters = characters;

    /// <summary>What the server is told: <see cref="PublicLength"/> characters.</summary>
    public string PublicPart => _characters[..PublicLength];

    /// <summary>Draws a new code.</summary>
    public static PairingCode Create(EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        Span<byte> random = stackalloc byte[Length - 1];
        entropy.Fill(random);
        Span<char> characters = stackalloc char[Length];
        for (int i = 0; i < random.Length; i++) characters[i] = Alphabet[random[i] & 31];
        characters[^1] = Alphabet[Check(characters[..^1])];
        CryptographicOperations.ZeroMemory(random);
        return new PairingCode(new string(characters));
    }

    /// <summary>Reads what a person typed.</summary>
    /// <param name="text">The text; nothing about it is trusted.</param>
    /// <param name="code">The code.</param>
    /// <param name="reason">What is wrong with the text, in one line for the person who typed it; null when nothing is.</param>
    /// <returns>False when it is no code.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PairingCode? code, [NotNullWhen(false)] out string? reason)
    {
        code = null;
        Span<char> characters = stackalloc char[Length];
        int count = 0;
        foreach (char typed in text is null || text.Length > MaxText ? "" : text)
        {
            if (typed is '-' or ' ') continue;
            if (Read(typed) is not { } character)
            {
                reason = char.IsControl(typed) || char.IsSurrogate(typed) ? "A code has letters and digits only." : $"'{typed}' does not occur in a code. Check the spelling.";
                return false;
            }

            if (count < Length) characters[count] = character;
            count++;
        }

        if (count != Length)
        {
            reason = $"A code has {Length} letters and digits, like 7K2QD-M4TX-9WCB-J6RPG; dashes are optional.";
            return false;
        }

        if (Check(characters[..^1]) != Alphabet.IndexOf(characters[^1], StringComparison.Ordinal))
        {
            reason = "There is a slip in the code: its last character does not fit the others. Compare it with the original.";
            return false;
        }

        (code, reason) = (new PairingCode(new string(characters)), null);
        return true;
    }

    /// <summary>Whether a text is the public part of a code, in its one form.</summary>
    public static bool IsPublicPart(ReadOnlySpan<char> text) => text.Length == PublicLength && !text.ContainsAnyExcept(s_alphabet);

    /// <summary>
    /// Derives the key of the handshake: PBKDF2 with SHA-256 and 600,000 rounds over the secret part, salted with the public part and the version. Takes about
    /// a tenth of a second of a processor: not for a machine's thread.
    /// </summary>
    public PairingKey DeriveKey() => new(
        PublicPart,
        Rfc2898DeriveBytes.Pbkdf2(
            Encoding.ASCII.GetBytes(_characters, PublicLength, SecretLength), Encoding.ASCII.GetBytes(Version + PublicPart), Rounds, HashAlgorithmName.SHA256, KeySize));

    /// <inheritdoc/>
    public bool Equals(PairingCode? other) => other is not null && other._characters == _characters;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PairingCode);

    /// <inheritdoc/>
    public override int GetHashCode() => _characters.GetHashCode(StringComparison.Ordinal);

    /// <summary>The public part alone: what is logged must not open anything.</summary>
    public override string ToString() => $"{PublicPart}-…";

    /// <summary>The whole code, as it is told to the other side: three groups after the public part.</summary>
    public string Reveal() => $"{_characters[..5]}-{_characters[5..9]}-{_characters[9..13]}-{_characters[13..]}";

    private static char? Read(char typed) => char.ToUpperInvariant(typed) switch
    {
        'I' or 'L' => '1',
        'O' => '0',
        var upper when Alphabet.Contains(upper, StringComparison.Ordinal) => upper,
        _ => null,
    };

    /// <summary>The digit that makes the polynomial whose coefficients the characters are vanish at x (Horner's rule).</summary>
    private static int Check(ReadOnlySpan<char> characters)
    {
        int sum = 0;
        foreach (char character in characters) sum = Shift(sum) ^ Alphabet.IndexOf(character, StringComparison.Ordinal);
        return Shift(sum);

        static int Shift(int value) => (value & 0b10000) == 0 ? value << 1 : (value << 1) ^ Polynomial;
    }
}
