using System.Net;

namespace Porthole.Protocol.PortMapping;

/// <summary>Addresses that a gateway gives of its own pages: they are believed only where they lie on the gateway itself.</summary>
internal static class GatewayUri
{
    /// <summary>The longest address, in characters.</summary>
    private const int MaxLength = 512;

    /// <summary>Reads an address.</summary>
    /// <param name="text">What the gateway said: absolute, or relative to <paramref name="page"/>.</param>
    /// <param name="page">The page it stands on; null for none.</param>
    /// <param name="gateway">The gateway.</param>
    /// <param name="uri">The address: HTTP, and the gateway's number for a host.</param>
    /// <returns>False when it is none, or leads elsewhere.</returns>
    public static bool TryResolve(string text, Uri? page, TransportAddress gateway, out Uri uri)
    {
        uri = null!;
        if (text.Length is 0 or > MaxLength) return false;

        // A path that begins with a slash counts as absolute on Unix (a file), and is relative to a page.
        bool isAbsolute = text.StartsWith("http:", StringComparison.OrdinalIgnoreCase);
        if (!(isAbsolute ? Uri.TryCreate(text, UriKind.Absolute, out var found) : Uri.TryCreate(page, text, out found))) return false;
        if (found.Scheme != Uri.UriSchemeHttp || found.UserInfo.Length > 0 || found.HostNameType is not UriHostNameType.IPv4) return false;
        if (!IPAddress.TryParse(found.Host, out var host) || !TransportAddress.From(host, 0).SameHost(gateway) || found.Port is < 1 or > ushort.MaxValue) return false;
        uri = found;
        return true;
    }
}
