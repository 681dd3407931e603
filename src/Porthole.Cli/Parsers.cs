using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli;

/// <summary>Reads the values of options, and says in one line what is wrong with one.</summary>
internal static class Parsers
{
    /// <summary>The longest path of a file: Linux's own limit, and no system's is higher.</summary>
    private const int MaxPath = 4_096;

    public const string BadTarget = "is no peer: use a name, a name with its id (bob@ID), or an id.";

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

    public static ServerAddress? ParseServer(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (ServerAddress.TryParse(text, out var address)) return address;
        result.AddError($"'{text}' is no server: use http://HOST[:PORT], HOST[:PORT] or porthole://HOST[:PORT]#KEY.");
        return null;
    }

    public static string? ParseName(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (PeerName.IsValid(text)) return PeerName.Normalize(text);
        result.AddError($"'{text}' is no name: a name has 1 to {RendezvousLimits.MaxName} of a-z, 0-9, '-', '_' and '.', and begins with a letter or a digit.");
        return null;
    }

    public static PeerTarget? ParseTarget(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (PeerTarget.TryParse(text, out var target)) return target;
        result.AddError($"'{text}' {BadTarget}");
        return null;
    }

    public static PairingCode? ParseCode(ArgumentResult result)
    {
        if (result.Tokens.Count == 0) return null;
        if (PairingCode.TryParse(result.Tokens[0].Value, out var code, out string? reason)) return code;
        result.AddError(reason);
        return null;
    }

    public static string? ParseToken(ArgumentResult result) => ParseText(result, "access token", RendezvousLimits.MaxToken);

    public static string? ParseRoom(ArgumentResult result)
    {
        if (ParseText(result, "room", RendezvousLimits.MaxRoom) is not { } room) return null;
        if (PeerOptions.IsRoom(room)) return room;
        result.AddError("The name of a room has no control characters, and none beyond U+FFFF: no emoji.");
        return null;
    }

    public static string? ParseFile(ArgumentResult result) => ParseText(result, "name of a file", MaxPath);

    public static AcceptPolicy? ParseAccept(ArgumentResult result)
    {
        switch (result.Tokens[0].Value)
        {
            case "anyone": return AcceptPolicy.Anyone;
            case "known": return AcceptPolicy.Known;
            case "ask": return AcceptPolicy.Ask;
            default:
                result.AddError($"'{result.Tokens[0].Value}' is no accept policy: use anyone, known or ask.");
                return null;
        }
    }

    public static Transports? ParseTransport(ArgumentResult result)
    {
        switch (result.Tokens[0].Value)
        {
            case "udp": return Transports.Udp;
            case "tcp": return Transports.Tcp;
            case "relay": return Transports.None;
            case "auto": return Transports.All;
            default:
                result.AddError($"'{result.Tokens[0].Value}' is no transport: use udp, tcp, relay or auto.");
                return null;
        }
    }

    public static PathKind? ParsePrefer(ArgumentResult result)
    {
        switch (result.Tokens[0].Value)
        {
            case "udp": return PathKind.Udp;
            case "tcp": return PathKind.Tcp;
            default:
                result.AddError($"'{result.Tokens[0].Value}' cannot be preferred: use udp or tcp.");
                return null;
        }
    }

    /// <summary>Reads a number of seconds, with a fraction if need be.</summary>
    public static Func<ArgumentResult, TimeSpan?> Seconds(double least, double most) => result =>
    {
        string text = result.Tokens[0].Value;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds >= least && seconds <= most)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        result.AddError(string.Create(CultureInfo.InvariantCulture, $"'{text}' does not do: give seconds from {least} to {most}."));
        return null;
    };

    public static Func<ArgumentResult, int> Number(int least, int most) => result =>
    {
        string text = result.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most) return number;
        result.AddError(string.Create(CultureInfo.InvariantCulture, $"'{text}' does not do: give a number from {least} to {most}."));
        return least;
    };

    private static string? ParseText(ArgumentResult result, string what, int most)
    {
        string text = result.Tokens[0].Value;
        if (text.Length > 0 && text.Length <= most) return text;
        result.AddError(string.Create(CultureInfo.InvariantCulture, $"The {what} has 1 to {most} characters."));
        return null;
    }
}
