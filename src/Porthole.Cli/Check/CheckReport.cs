using System.Collections.Immutable;
using System.Text.Json;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.PortMapping;

namespace Porthole.Cli.Check;

/// <summary>What <c>porthole check</c> writes: a picture for people, or one object.</summary>
internal static class CheckReport
{
    /// <summary>Writes it.</summary>
    /// <param name="findings">What was found out.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(CheckFindings findings, bool json)
    {
        if (json) WriteJson(findings);
        else WriteWords(findings);
    }

    /// <summary>UDP or TCP as JSON has it.</summary>
    public static string CodeOf(Transports transport) => transport == Transports.Udp ? "udp" : "tcp";

    /// <summary>How a gateway was asked, as people and JSON have it.</summary>
    public static string CodeOf(PortMappingProtocol protocol) => protocol switch
    {
        PortMappingProtocol.Pcp => "PCP",
        PortMappingProtocol.NatPmp => "NAT-PMP",
        PortMappingProtocol.Upnp => "UPnP",
    };

    private static void WriteWords(CheckFindings findings)
    {
        foreach (string line in NatPicture.Draw(findings)) Console.WriteLine(line);
        if (findings.Nat is { IsUdpReachable: false, Tcp: not { IsReachable: true } }) return; // nothing is known that a plan could be made of
        Console.WriteLine();
        foreach (string line in NatOutlook.Draw(findings)) Console.WriteLine(line);
    }

    private static void WriteJson(CheckFindings findings) => JsonLines.Write(null, writer =>
    {
        var report = findings.Nat;
        var main = MainOf(report.Mappings);
        var mapping = report.IsUdpReachable ? report.Mapping : NatMapping.Blocked;
        writer.WriteString("mapping", mapping.Code);
        writer.WriteString("allocation", report.Allocation.Code);
        writer.WriteNumber("step", report.Step);
        writer.WriteAddress("mapped", main?.Mapped);
        writer.WriteAddress("local", main?.Local);
        writer.WriteBoolean("udpReachable", report.IsUdpReachable);
        WriteFlag(writer, "preservesPort", report.PreservesPort);
        writer.WriteBoolean("addressPool", report.HasAddressPool);
        writer.WriteString("server", findings.Server);
        WriteAddresses(writer, report.Mappings);
        writer.WriteString("meaning", NatWords.Meaning(mapping, report.Mappings));
        if (report.Tcp is { } tcp) WriteTcp(writer, tcp);
        else writer.WriteNull("tcp");
        WriteTraits(writer, report);
        WriteGateways(writer, findings);
        WriteOutlook(writer, findings);
    });

    private static void WriteTraits(Utf8JsonWriter writer, NatReport report)
    {
        writer.WriteString("filtering", report.Filtering.Code);
        writer.WriteNumber("mappingsSeen", report.MappingsSeen);
        writer.WriteNumber("lowestPort", report.LowestPort);
        writer.WriteNumber("highestPort", report.HighestPort);
        writer.WriteNumber("blockSize", report.BlockSize);
        writer.WriteNumber("publicHosts", report.PublicHosts);
        WriteFlag(writer, "keepsParity", report.KeepsParity);
        WriteFlag(writer, "overloading", report.IsOverloading);
        WriteFlag(writer, "hairpins", report.Hairpins);
        WriteFlag(writer, "spoiledByStrangers", report.IsSpoiledByStrangers);
        writer.WriteNumber("outerHops", report.OuterHops);
        writer.WriteNumber("maxDatagram", report.MaxDatagram);
        if (report.Lifetime is { } lifetime) writer.WriteMilliseconds("lifetimeMs", lifetime);
        else writer.WriteNull("lifetimeMs");
        writer.WriteBoolean("complete", report.IsComplete);
        writer.WriteStartObject("unknown");
        foreach (var (field, why) in NatWords.Why(report)) writer.WriteString(field, why);
        writer.WriteEndObject();
    }

    private static void WriteGateways(Utf8JsonWriter writer, CheckFindings findings)
    {
        writer.WriteStartArray("gateways");
        foreach (var port in findings.Ports)
        {
            writer.WriteStartObject();
            writer.WriteString("gateway", port.Gateway.Address.ToString());
            writer.WriteString("protocol", CodeOf(port.Protocol));
            writer.WriteString("transport", CodeOf(port.Transport));
            writer.WriteAddress("internal", port.Internal);
            writer.WriteAddress("external", port.External);
            writer.WriteMilliseconds("leaseMs", port.Lease);
            writer.WriteBoolean("behindAnotherNat", port.IsBehindAnotherNat);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteString("gatewayProblem", findings.PortProblem);
    }

    private static void WriteOutlook(Utf8JsonWriter writer, CheckFindings findings)
    {
        writer.WriteStartArray("against");
        foreach (var outlook in NatOutlook.Of(findings))
        {
            writer.WriteStartObject();
            writer.WriteString("peer", outlook.Peer);
            writer.WriteNumber("direct", Math.Round(outlook.Chance, 3));
            writer.WriteString("method", outlook.Best.Method.Code);
            writer.WriteNumber("packets", outlook.Best.Packets);
            writer.WriteNumber("sockets", outlook.Best.Sockets);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteTcp(Utf8JsonWriter writer, TcpNatReport report)
    {
        var main = MainOf(report.Mappings);
        writer.WriteStartObject("tcp");
        writer.WriteString("mapping", report.Mapping.Code);
        writer.WriteString("allocation", report.Allocation.Code);
        writer.WriteNumber("step", report.Step);
        writer.WriteNumber("lowestPort", report.LowestPort);
        writer.WriteNumber("highestPort", report.HighestPort);
        writer.WriteAddress("mapped", main?.Mapped);
        writer.WriteAddress("local", main?.Local);
        writer.WriteBoolean("reachable", report.IsReachable);
        WriteAddresses(writer, report.Mappings);
        writer.WriteString("meaning", NatWords.Meaning(report.Mapping, report.Mappings));
        writer.WriteEndObject();
    }

    private static void WriteAddresses(Utf8JsonWriter writer, ImmutableArray<LocalMapping> mappings)
    {
        writer.WriteStartArray("addresses");
        foreach (var mapping in mappings)
        {
            writer.WriteStartObject();
            writer.WriteAddress("local", mapping.Local);
            writer.WriteAddress("mapped", mapping.Mapped);
            writer.WriteString("mapping", mapping.Mapping.Code);
            if (mapping.RoundTripTime is { } rtt) writer.WriteMilliseconds("rttMs", rtt);
            else writer.WriteNull("rttMs");
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteFlag(Utf8JsonWriter writer, string name, bool? flag)
    {
        if (flag is { } known) writer.WriteBoolean(name, known);
        else writer.WriteNull(name);
    }

    private static LocalMapping? MainOf(ImmutableArray<LocalMapping> mappings) => mappings.FirstOrDefault(static mapping => !mapping.Mapped.IsIPv6) ?? mappings.FirstOrDefault();
}
