using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Sockets;

namespace Porthole;

/// <summary>
/// Where a rendezvous server is, and which key it must hold. Written <c>porthole://HOST[:PORT]#KEY</c> with the key pinned, or
/// <c>porthole://HOST[:PORT]</c>, <c>http://HOST[:PORT]</c>, <c>https://HOST</c> or <c>HOST[:PORT]</c>, where the key of the first contact is trusted.
/// </summary>
public sealed record ServerAddress
{
    private const string Scheme = "porthole";

    /// <summary>Creates an address.</summary>
    /// <param name="uri">An <c>http</c> or <c>https</c> URI without path, query and user.</param>
    /// <param name="key">The key that the server must hold; null to trust the key of the first contact.</param>
    /// <exception cref="ArgumentException">The URI is of another kind.</exception>
    public ServerAddress(Uri uri, PublicKey? key = null)
    {
        ArgumentNullException.ThrowIfNull(uri);
        if (!IsServer(uri)) throw new ArgumentException("A server is an http or https URI without path, query and user.", nameof(uri));
        (Uri, Key) = (new Uri(uri.GetLeftPart(UriPartial.Authority)), key);
    }

    /// <summary>The server as an <c>http</c> or <c>https</c> URI.</summary>
    public Uri Uri { get; }

    /// <summary>The pinned key; null if there is none.</summary>
    public PublicKey? Key { get; }

    /// <summary>Reads any of the written forms.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ServerAddress? address)
    {
        address = null;
        if (string.IsNullOrWhiteSpace(text)) return false;
        string full = text.Contains("://", StringComparison.Ordinal) ? text : $"{Scheme}://{text}";
        if (!Uri.TryCreate(full, UriKind.Absolute, out var uri) || uri.Host.Length == 0) return false;
        PublicKey? key = null;
        if (uri.Fragment.Length > 1 && !TryParseKey(uri.Fragment[1..], out key)) return false;
        if (uri.Scheme == Scheme)
        {
            int port = uri.Port < 0 ? MainConnection.DefaultPort : uri.Port;
            if (uri.AbsolutePath.Length > 1 || uri.Query.Length > 0 || uri.UserInfo.Length > 0) return false;
            uri = new UriBuilder(Uri.UriSchemeHttp, uri.Host, port).Uri;
        }
        else if (uri.Scheme == Uri.UriSchemeHttp && uri.IsDefaultPort && !HasPort(full))
        {
            uri = new UriBuilder(uri) { Port = MainConnection.DefaultPort }.Uri; // an http server of ours is no web server on port 80 unless that is said
        }

        if (!IsServer(uri)) return false;
        address = new ServerAddress(uri, key);
        return true;
    }

    /// <summary>Reads any of the written forms.</summary>
    /// <exception cref="FormatException">The text is none of them; the message says what is.</exception>
    public static ServerAddress Parse(string text) => TryParse(text, out var address)
        ? address
        : throw new FormatException($"'{text}' is no server address: use porthole://HOST[:PORT]#KEY, http://HOST[:PORT] or HOST[:PORT].");

    /// <summary>The text of a key, as it stands behind <c>#</c>: base64url (RFC 4648 section 5) of its 65 bytes.</summary>
    public static string FormatKey(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Base64Url.EncodeToString(key.Bytes);
    }

    /// <summary>Reads the text of a key and checks that the key can be used.</summary>
    public static bool TryParseKey([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        return text is not null
            && Base64Url.IsValid(text, out int length)
            && length == PublicKey.Size
            && Base64Url.TryDecodeFromChars(text, bytes, out _)
            && PublicKey.TryCreate(bytes, out key)
            && IdentityKey.IsUsable(key);
    }

    /// <summary>The form with the pinned key, or without one the URI.</summary>
    public override string ToString() => Key is null ? Uri.GetLeftPart(UriPartial.Authority) : $"{Scheme}://{Uri.Host}:{Uri.Port}#{FormatKey(Key)}";

    private static bool IsServer(Uri uri) =>
        uri.IsAbsoluteUri && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
        && uri.Host.Length > 0 && uri.AbsolutePath is "/" or "" && uri.Query.Length == 0 && uri.UserInfo.Length == 0;

    private static bool HasPort(string uri)
    {
        string authority = uri[(uri.IndexOf("://", StringComparison.Ordinal) + 3)..].Split('/', '#', '?')[0];
        return authority.EndsWith(":80", StringComparison.Ordinal);
    }
}
