namespace Porthole.Protocol.PortMapping;

/// <summary>Words of a gateway in a line for a person.</summary>
internal static class GatewayText
{
    /// <summary>What may be shown of a foreign text: printable ASCII, and not much of it.</summary>
    public static string Quote(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var kept = text.Take(PortMappingLimits.MaxQuote).Select(static letter => letter is >= ' ' and <= '~' ? letter : '?');
        return string.Concat(kept);
    }
}
