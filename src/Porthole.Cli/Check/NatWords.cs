using System.Globalization;
using Porthole.Protocol.Discovery;

namespace Porthole.Cli.Check;

/// <summary>What was found out about a NAT, in words: each fact, or why it is not known.</summary>
internal static class NatWords
{
    private const string Unknown = "unknown: ";

    /// <summary>The mapping behaviour, or that there is no NAT.</summary>
    public static string Meaning(NatMapping mapping, IReadOnlyCollection<LocalMapping> mappings) =>
        mapping != NatMapping.Blocked && mappings.Count > 0 && mappings.All(static address => !address.IsTranslated) ? "there is no NAT on the way to the server" : mapping.Meaning;

    /// <summary>Every fact about UDP with a name of one word, in an order that reads well.</summary>
    public static IEnumerable<(string Name, string Text)> Facts(NatReport report)
    {
        yield return ("mapping", $"{report.Mapping.Code}: {Meaning(report.Mapping, report.Mappings)}");
        yield return ("ports", Ports(report));
        if (report.HasAddressPool || report.PublicHosts > 1)
        {
            yield return ("addresses", report.PublicHosts > 1 ? string.Create(CultureInfo.InvariantCulture, $"this host is seen under {report.PublicHosts} public addresses") : "this host is seen under several public addresses");
        }

        yield return ("filtering", report.Filtering == NatFiltering.Unknown ? Unknown + Why(report)["filtering"] : $"{report.Filtering.Code}: {Filtering(report.Filtering)}");
        yield return ("lifetime", report.Lifetime is { } lifetime ? $"{Span(lifetime)} at least without traffic" : Unknown + Why(report)["lifetimeMs"]);
        yield return ("hairpin", report.Hairpins is { } hairpins ? hairpins ? "yes: hosts behind it reach each other by its public address too" : "no: hosts behind it meet by their local addresses only" : Unknown + Why(report)["hairpins"]);
        yield return ("strangers", report.IsSpoiledByStrangers is { } spoiled ? spoiled ? "a packet that came before it was asked for costs the later flow its port" : "packets that nobody asked for do no harm" : Unknown + Why(report)["spoiledByStrangers"]);
        yield return ("hops", report.OuterHops > 0 ? string.Create(CultureInfo.InvariantCulture, $"a packet with hop limit {report.OuterHops} opens it, and goes no further") : Unknown + Why(report)["outerHops"]);
        yield return ("size", report.MaxDatagram > 0 ? string.Create(CultureInfo.InvariantCulture, $"datagrams of {report.MaxDatagram} bytes pass") : Unknown + Why(report)["maxDatagram"]);
    }

    /// <summary>The fields of <c>--json</c> that are not known, and why.</summary>
    public static Dictionary<string, string> Why(NatReport report)
    {
        var why = new Dictionary<string, string>(StringComparer.Ordinal);
        if (report.Mapping == NatMapping.EndpointOrAddressDependent) why["mapping"] = "the server has one address, so what the NAT does for another could not be seen";
        else if (report.Mapping == NatMapping.Unknown) why["mapping"] = "too few answers";
        if (report.Allocation == NatAllocation.Unknown) why["allocation"] = "too few mappings were seen";
        if (report.Filtering == NatFiltering.Unknown) why["filtering"] = "the server has no other address to answer from, or such answers are lost";
        if (report.Lifetime is null) why["lifetimeMs"] = "it takes minutes; a peer that stays online measures it";
        if (report.KeepsParity is null) why["keepsParity"] = "too few mappings were seen";
        if (report.IsOverloading is null) why["overloading"] = "it was not seen";
        if (report.Hairpins is null) why["hairpins"] = "it was not tried";
        if (report.IsSpoiledByStrangers is null) why["spoiledByStrangers"] = "it takes an answer from a port of the server that was not asked";
        if (report.OuterHops == 0) why["outerHops"] = "it was not found, or is of no use here";
        if (report.MaxDatagram == 0) why["maxDatagram"] = "it was not tried";
        return why;
    }

    /// <summary>How TCP's ports are chosen.</summary>
    public static string Ports(TcpNatReport report) => Ports(report.Allocation, report.Step, report.LowestPort, report.HighestPort, blockSize: 0);

    private static string Ports(NatReport report)
    {
        string ports = Ports(report.Allocation, report.Step, report.LowestPort, report.HighestPort, report.BlockSize);
        if (report.MappingsSeen > 0 && report.Allocation is NatAllocation.Sequential or NatAllocation.Random)
            ports += string.Create(CultureInfo.InvariantCulture, $"; judged by {report.MappingsSeen} mappings");
        if (report.KeepsParity == true && report.Allocation != NatAllocation.Preserve) ports += "; even ports stay even";
        return report.IsOverloading == true ? ports + "; one public port serves several local ones" : ports;
    }

    private static string Ports(NatAllocation allocation, int step, ushort lowest, ushort highest, int blockSize)
    {
        string where = blockSize > 0 ? string.Create(CultureInfo.InvariantCulture, $" in a block of {blockSize}")
            : lowest > 0 ? string.Create(CultureInfo.InvariantCulture, $" ({lowest} to {highest} seen)") : "";
        return allocation switch
        {
            NatAllocation.Unknown => Unknown + "too few mappings were seen",
            NatAllocation.Preserve => "preserve: the public port is the local one where that is free",
            NatAllocation.Sequential => string.Create(CultureInfo.InvariantCulture, $"sequential, step {step}{where}: the next one can be foreseen"),
            NatAllocation.Random => $"random{where}: the next one cannot be foreseen",
        };
    }

    private static string Filtering(NatFiltering filtering) => filtering switch
    {
        NatFiltering.EndpointIndependent => "lets in everybody",
        NatFiltering.AddressDependent => "lets in every port of addresses it has sent to",
        NatFiltering.AddressAndPortDependent => "lets in only addresses and ports it has sent to",
        _ => "lets in other ports of the server; other addresses could not be tried",
    };

    private static string Span(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s");
}
