using System.Text;

namespace Porthole.Protocol.PortMapping;

/// <summary>The search for UPnP gateways: HTTP over multicast UDP (UPnP Device Architecture 1.1 section 1.3).</summary>
internal static class SsdpMessage
{
    /// <summary>The longest answer that is read, in bytes: a dozen headers.</summary>
    public const int MaxAnswer = 2_048;

    /// <summary>The longest search, in bytes.</summary>
    public const int MaxSearch = 256;

    /// <summary>Where searches go: one hop, to whoever listens on the link.</summary>
    public static TransportAddress Group { get; } = TransportAddress.Parse("239.255.255.250:1900");

    /// <summary>
    /// What is searched for. A device of a higher version answers a search for a lower one; some of the field's do not.
    /// </summary>
    public static IReadOnlyList<string> Targets { get; } =
        ["urn:schemas-upnp-org:device:InternetGatewayDevice:1", "urn:schemas-upnp-org:device:InternetGatewayDevice:2"];

    /// <summary>Writes a search.</summary>
    /// <returns>Its length.</returns>
    public static int WriteSearch(Span<byte> destination, string target) => Encoding.ASCII.GetBytes(
        $"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {target}\r\n\r\n", destination);

    /// <summary>Reads where the description of a device that answered lies. Never throws.</summary>
    /// <returns>False when the datagram is no answer to a search for a gateway.</returns>
    public static bool TryReadLocation(ReadOnlySpan<byte> datagram, out string location)
    {
        location = "";
        if (datagram.Length > MaxAnswer) return false;
        string text = Encoding.ASCII.GetString(datagram);
        if (!text.StartsWith("HTTP/1.", StringComparison.OrdinalIgnoreCase)) return false;
        bool isGateway = false;
        int number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (number++ == 0)
            {
                if (!line.Contains(" 200", StringComparison.Ordinal)) return false;
                continue;
            }

            int colon = line.IndexOf(':');
            if (colon < 0) continue;
            var name = line[..colon].Trim();
            var value = line[(colon + 1)..].Trim();
            if (name.Equals("LOCATION", StringComparison.OrdinalIgnoreCase)) location = value.ToString();
            else if (name.Equals("ST", StringComparison.OrdinalIgnoreCase)) isGateway = value.Contains("InternetGatewayDevice", StringComparison.Ordinal);
        }

        return isGateway && location.Length > 0;
    }
}
