using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace Porthole.Cli;

/// <summary>Reads the values of options, and says in one line what is wrong with one.</summary>
internal static class Parsers
{
    public static IPAddress? ParseAddress(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (IPAddress.TryParse(text, out var address)) return address;
        result.AddError($"'{text}' is no IP address.");
        return null;
    }

    public static int? ParsePort(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= ushort.MaxValue) return port;
        result.AddError($"'{text}' is no port: a port is a number from 1 to 65535.");
        return null;
    }
}
