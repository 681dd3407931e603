using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Porthole.Protocol.Applications;

/// <summary>
/// The first bytes of a stream that says what is spoken on it, so that several programs share a connection: the length of the protocol's name (1 byte), and the name with its
/// version, as in <c>porthole-files/1</c>.
/// </summary>
public static class StreamPreamble
{
    /// <summary>The longest name, in bytes: enough for a word and a version, too short to be worth sending for harm.</summary>
    public const int MaxName = 64;

    /// <summary>The most bytes of a preamble.</summary>
    public const int MaxSize = 1 + MaxName;

    /// <summary>File transfer (docs/files.md).</summary>
    public const string Files = "porthole-files/1";

    /// <summary>Port forwarding (docs/forwarding.md).</summary>
    public const string Forwarding = "porthole-forward/1";

    /// <summary>HTTP of any version.</summary>
    public const string Http = "porthole-http/1";

    /// <summary>Whether a text may name a protocol: 1 to <see cref="MaxName"/> letters, digits, '-', '_', '.' and '/'.</summary>
    public static bool IsValid([NotNullWhen(true)] string? name) => name is { Length: >= 1 and <= MaxName } && name.All(static letter => IsAllowed(letter));

    /// <summary>Writes a preamble.</summary>
    /// <param name="name">The protocol's name.</param>
    /// <returns>The bytes to begin the stream with.</returns>
    /// <exception cref="ArgumentException">It is no name.</exception>
    public static byte[] Write(string name)
    {
        if (!IsValid(name)) throw new ArgumentException($"A protocol's name has 1 to {MaxName} letters, digits, '-', '_', '.' and '/'.", nameof(name));
        byte[] bytes = new byte[1 + name.Length];
        bytes[0] = (byte)name.Length;
        Encoding.ASCII.GetBytes(name, bytes.AsSpan(1));
        return bytes;
    }

    /// <summary>How many bytes of name follow the first byte of a stream; 0 when that begins no preamble.</summary>
    public static int LengthFrom(byte first) => first <= MaxName ? first : 0;

    /// <summary>Reads the name behind the first byte.</summary>
    /// <returns>False when it is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (bytes.Length is 0 or > MaxName) return false;
        foreach (byte one in bytes)
        {
            if (!IsAllowed((char)one)) return false;
        }

        name = Encoding.ASCII.GetString(bytes);
        return true;
    }

    private static bool IsAllowed(char letter) => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or '/';
}
