using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Porthole.Protocol.Forwarding;

/// <summary>A port that is shared, or asked for: written <c>22</c>, <c>5353/udp</c>, <c>db.lan:5432</c> or <c>[fd00::1]:53/udp</c>. Every instance is valid, and equal ones are written alike.</summary>
public sealed record ForwardTarget
{
    /// <summary>The longest name of a host (RFC 1035 section 2.3.4).</summary>
    public const int MaxHost = 253;

    private static readonly string[] s_ownNames = ["localhost", "127.0.0.1"];

    private ForwardTarget(ForwardKind kind, string? host, ushort port) => (Kind, Host, Port) = (kind, host, port);

    /// <summary>TCP or UDP.</summary>
    public ForwardKind Kind { get; }

    /// <summary>The host in lower case, as the sharer names it; null for the sharer's own.</summary>
    public string? Host { get; }

    /// <summary>The port, 1 to 65,535.</summary>
    public ushort Port { get; }

    /// <summary>Makes a target.</summary>
    /// <param name="kind">TCP or UDP.</param>
    /// <param name="host">A name or an address; null, <c>localhost</c> and <c>127.0.0.1</c> for the sharer's own host.</param>
    /// <param name="port">The port.</param>
    /// <param name="target">The target.</param>
    /// <returns>False when that is none: a host has 1 to <see cref="MaxHost"/> letters, digits, '-', '_', '.' and ':'.</returns>
    public static bool TryCreate(ForwardKind kind, string? host, int port, [NotNullWhen(true)] out ForwardTarget? target)
    {
        target = null;
        if (kind is not (ForwardKind.Tcp or ForwardKind.Udp) || port is < 1 or > ushort.MaxValue) return false;
        if (host is not null && (host.Length is 0 or > MaxHost || !host.All(IsAllowed))) return false;
        host = host?.ToLowerInvariant();
        target = new ForwardTarget(kind, s_ownNames.Contains(host) ? null : host, (ushort)port);
        return true;
    }

    /// <summary>Reads the written form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ForwardTarget? target)
    {
        target = null;
        if (string.IsNullOrEmpty(text)) return false;
        var kind = ForwardKind.Tcp;
        if (text.LastIndexOf('/') is >= 0 and var slash)
        {
            if (text[(slash + 1)..] is not ("tcp" or "udp")) return false;
            if (text.EndsWith("udp", StringComparison.Ordinal)) kind = ForwardKind.Udp;
            text = text[..slash];
        }

        int colon = text.LastIndexOf(':');
        string? host = colon < 0 ? null : text[..colon];
        if (host is ['[', .., ']']) host = host[1..^1];
        else if (host?.Contains(':') == true) return false; // which colon would be the last?
        return int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) && TryCreate(kind, host, port, out target);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string host = Host is null ? "" : Host.Contains(':') ? $"[{Host}]:" : $"{Host}:";
        return string.Create(CultureInfo.InvariantCulture, $"{host}{Port}{(Kind == ForwardKind.Udp ? "/udp" : "")}");
    }

    internal static bool IsAllowed(char letter) => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or ':';
}
