using System.Collections.Immutable;
using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.PortMapping;

namespace Porthole.Cli.Check;

/// <summary>The way from this host to the internet as a picture of text.</summary>
internal static class NatPicture
{
    /// <summary>Columns of the picture: those of a terminal that nobody has touched.</summary>
    public const int Width = 80;

    private const string Bar = "      |";
    private const string Cut = "      X";
    private const int PlaceWidth = 14;
    private const int NameWidth = 11;

    /// <summary>Draws what stands between this host and the server, and what it does.</summary>
    /// <param name="findings">What was found out.</param>
    public static IEnumerable<string> Draw(CheckFindings findings)
    {
        var report = findings.Nat;
        return
        [
            .. Place("this host", Join(report.Mappings.Concat(report.Tcp?.Mappings ?? []).Select(static one => one.Local))),
            .. findings.Ports.Any(static port => port.IsBehindAnotherNat) ? DrawFirstGateway(findings) : [],
            Bar,
            .. Place(IsTranslated(report) ? " [NAT]" : "(no NAT)", Outside(report)),
            .. DrawUdp(report),
            .. report.Tcp is { } tcp ? DrawTcp(tcp, report) : [],
            .. findings.Ports.Where(static port => !port.IsBehindAnotherNat).SelectMany(static port => Fact(Bar, "gateway", InWords(port))),
            .. findings.PortProblem is { } problem ? Fact(Bar, "gateway", problem) : [],
            Bar,
            .. Place("the server", findings.Server + (Fastest(report) is { } rtt ? $", {Words.Span(rtt)} there and back" : "")),
        ];
    }

    /// <summary>Breaks a text into lines.</summary>
    /// <param name="text">The text.</param>
    /// <param name="first">What stands before its first line.</param>
    /// <param name="rest">What stands before the others; as wide.</param>
    public static IEnumerable<string> Wrap(string text, string first, string rest)
    {
        int room = Width - first.Length;
        string before = first;
        while (text.Length > room)
        {
            int end = text.LastIndexOf(' ', room);
            if (end <= 0) end = room; // one word that is too long
            yield return before + text[..end];
            text = text[end..].TrimStart();
            before = rest;
        }

        yield return (before + text).TrimEnd();
    }

    private static IEnumerable<string> DrawUdp(NatReport report) => !report.IsUdpReachable
        ? Fact($"{Cut} UDP", "blocked", "no answer came: a firewall here drops UDP, or the server's UDP ports are closed")
        :
        [
            .. NatWords.Facts(report).SelectMany(static (fact, index) => Fact(index == 0 ? $"{Bar} UDP" : Bar, fact.Name, fact.Text)),
            .. report.IsComplete ? [] : Fact(Bar, "note", "not every question was answered in time: some of this may be less than the truth"),
        ];

    private static IEnumerable<string> DrawTcp(TcpNatReport tcp, NatReport report) => !tcp.IsReachable
        ? Fact($"{Cut} TCP", "blocked", "does not get through to the server's STUN ports; its main connection does")
        :
        [
            .. Fact($"{Bar} TCP", "mapping", $"{tcp.Mapping.Code}: {NatWords.Meaning(tcp.Mapping, tcp.Mappings)}"),
            .. Fact(Bar, "ports", NatWords.Ports(tcp)),
            .. report.IsUdpReachable && Mapped(tcp.Mappings).Except(Mapped(report.Mappings)).Any() ? Fact(Bar, "outside", Join(Mapped(tcp.Mappings))) : [],
            .. tcp.IsComplete ? [] : Fact(Bar, "note", "not every connection was answered in time"),
        ];

    /// <summary>A gateway whose outside is no public address: the first of two NATs.</summary>
    private static IEnumerable<string> DrawFirstGateway(CheckFindings findings)
    {
        var ports = findings.Ports.Where(static port => port.IsBehindAnotherNat).ToArray();
        return
        [
            Bar,
            .. Place(" [NAT]", $"{ports[0].Gateway.Address}; its outside, {ports[0].External.Address}, is a private address: there is another NAT behind it"),
            .. ports.SelectMany(static port => Fact(Bar, "gateway", InWords(port))),
        ];
    }

    private static string InWords(MappedPort port) => string.Create(
        CultureInfo.InvariantCulture, $"{port.Gateway.Address} maps {CheckReport.CodeOf(port.Transport).ToUpperInvariant()} {port.External} ({CheckReport.CodeOf(port.Protocol)}, {port.Lease.TotalSeconds:0} s)");

    private static bool IsTranslated(NatReport report) => Mapped(report.Mappings).Concat(Mapped(report.Tcp?.Mappings ?? [])).Any();

    private static string Outside(NatReport report)
    {
        if (!report.IsUdpReachable && report.Tcp is not { IsReachable: true }) return "what stands here is not known: nothing has answered";
        if (!IsTranslated(report)) return "a firewall may stand here";
        return $"seen from outside as {Join(report.IsUdpReachable ? Mapped(report.Mappings) : Mapped(report.Tcp!.Mappings))}";
    }

    private static IEnumerable<TransportAddress> Mapped(ImmutableArray<LocalMapping> mappings) => mappings.Where(static one => one.IsTranslated).Select(static one => one.Mapped).Distinct();

    private static TimeSpan? Fastest(NatReport report) => report.Mappings.Concat(report.Tcp?.Mappings ?? []).Min(static one => one.RoundTripTime);

    private static string Join(IEnumerable<TransportAddress> addresses) => string.Join(", ", addresses.Distinct().Select(static one => one.ToString()));

    private static IEnumerable<string> Place(string name, string text) => Wrap(text, $"  {name}".PadRight(PlaceWidth), Bar.PadRight(PlaceWidth));

    private static IEnumerable<string> Fact(string place, string name, string text) =>
        Wrap(text, place.PadRight(PlaceWidth) + name.PadRight(NameWidth), Bar.PadRight(PlaceWidth + NameWidth));
}
