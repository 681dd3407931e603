using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole check</c>.</summary>
internal static class CheckCommand
{
    /// <summary>How long to wait for the rest once something was answered.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    /// <summary>How long to wait for the first answer: by then each of the server's UDP ports was asked seven times, and a TCP connection was tried three times.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var command = new Command("check", "Find out how the NATs in front of this host behave, for UDP and for TCP, and whether both get through to the server.");
        var peer = new PeerCommandOptions(command, hasName: false, hasPaths: false);
        var json = CommonOptions.Json();
        command.Add(json);
        command.SetAction(async (parsed, _) =>
        {
            using var interrupt = new Interrupt();
            using var loggers = peer.CreateLog(parsed);
            var newest = NatReport.Unknown;
            var complete = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var options = peer.Read(parsed, loggers) with
            {
                Observer = happened =>
                {
                    if (happened is not PeerEvent.NatReported { Report: var report }) return;
                    newest = report;
                    if (report is { IsComplete: true, Tcp.IsComplete: true }) complete.TrySetResult();
                },
            };
            var node = await PeerNode.StartAsync(options, interrupt.Token).ConfigureAwait(false);
            await using (node.ConfigureAwait(false))
            {
                using var late = CancellationTokenSource.CreateLinkedTokenSource(interrupt.Token);
                late.CancelAfter(s_patience);
                await Task.WhenAny(complete.Task, Task.Delay(s_silence, late.Token)).ConfigureAwait(false);
                if (!IsSettled(newest)) await complete.Task.WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                interrupt.Token.ThrowIfCancellationRequested();
            }

            if (parsed.GetValue(json)) WriteJson(newest, options.Server);
            else WriteWords(newest, options.Server);
            if (newest.IsUdpReachable) return ExitCode.Success;
            Complaint.Write(UdpWarning.Text(options.Server));
            return ExitCode.UdpBlocked;
        });
        return command;
    }

    /// <summary>Whether more waiting is of no use: what was heard of is complete, and of the rest the silence was long enough.</summary>
    private static bool IsSettled(NatReport report) => (report.IsComplete || !report.IsUdpReachable) && report.Tcp is null or { IsComplete: true } or { IsReachable: false };

    private static NatMapping MappingOf(NatReport report) => report.IsUdpReachable ? report.Mapping : NatMapping.Blocked;

    private static LocalMapping? MainOf(ImmutableArray<LocalMapping> mappings) => mappings.FirstOrDefault(static mapping => !mapping.Mapped.IsIPv6) ?? mappings.FirstOrDefault();

    private static void WriteJson(NatReport report, ServerAddress server) => JsonLines.Write(null, writer =>
    {
        var main = MainOf(report.Mappings);
        writer.WriteString("mapping", MappingOf(report).Code);
        writer.WriteString("allocation", report.Allocation.Code);
        writer.WriteNumber("step", report.Step);
        writer.WriteAddress("mapped", main?.Mapped);
        writer.WriteAddress("local", main?.Local);
        writer.WriteBoolean("udpReachable", report.IsUdpReachable);
        if (report.PreservesPort is { } preserves) writer.WriteBoolean("preservesPort", preserves);
        else writer.WriteNull("preservesPort");
        writer.WriteBoolean("addressPool", report.HasAddressPool);
        writer.WriteString("server", server.Uri.Authority);
        WriteAddresses(writer, report.Mappings);
        writer.WriteString("meaning", Meaning(MappingOf(report), report.Mappings));
        if (report.Tcp is { } tcp) WriteTcp(writer, tcp);
        else writer.WriteNull("tcp");
    });

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
        writer.WriteString("meaning", Meaning(report.Mapping, report.Mappings));
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

    private static void WriteWords(NatReport report, ServerAddress server)
    {
        Console.WriteLine($"UDP to {server.Uri.Host}: {(report.IsUdpReachable ? "gets through" : "does not get through")}");
        if (report.IsUdpReachable)
        {
            WriteFindings(report.Mapping, report.Allocation, Step(report.Allocation, report.Step), report.Mappings);
            if (report.HasAddressPool) Console.WriteLine("Pool:       this host is seen under several public addresses");
            if (!report.IsComplete) Console.WriteLine("Not every question was answered in time: some of this may be less than the truth.");
        }

        if (report.Tcp is not { } tcp) return;
        Console.WriteLine($"TCP to {server.Uri.Host}: {(tcp.IsReachable ? "gets through" : "does not get through to the STUN ports")}");
        if (!tcp.IsReachable) return;
        string band = tcp.Allocation == NatAllocation.Random ? string.Create(CultureInfo.InvariantCulture, $", {tcp.LowestPort} to {tcp.HighestPort} seen") : "";
        WriteFindings(tcp.Mapping, tcp.Allocation, Step(tcp.Allocation, tcp.Step) + band, tcp.Mappings);
        if (!tcp.IsComplete) Console.WriteLine("Not every connection was answered in time: some of this may be less than the truth.");
    }

    private static void WriteFindings(NatMapping mapping, NatAllocation allocation, string detail, ImmutableArray<LocalMapping> mappings)
    {
        Console.WriteLine($"Mapping:    {mapping.Code} ({Meaning(mapping, mappings)})");
        Console.WriteLine($"Allocation: {allocation.Code}{detail} ({PortsInWords(allocation)})");
        foreach (var address in mappings)
        {
            string time = address.RoundTripTime is { } rtt ? $", {Words.Span(rtt)} to the server" : "";
            Console.WriteLine($"Address:    {address.Local} {(address.IsTranslated ? $"is seen as {address.Mapped}" : "is seen as it is: no NAT")}{time}");
        }
    }

    private static string Step(NatAllocation allocation, int step) =>
        allocation == NatAllocation.Sequential ? string.Create(CultureInfo.InvariantCulture, $", step {step}") : "";

    private static string Meaning(NatMapping mapping, ImmutableArray<LocalMapping> mappings) =>
        mapping != NatMapping.Blocked && !mappings.IsEmpty && mappings.All(static address => !address.IsTranslated) ? "there is no NAT on the way to the server" : mapping.Meaning;

    private static string PortsInWords(NatAllocation allocation) => allocation switch
    {
        NatAllocation.Unknown => "too few mappings were seen",
        NatAllocation.Preserve => "the public port is the local one where that is free",
        NatAllocation.Sequential => "ports follow one another, so the next one can be guessed",
        NatAllocation.Random => "ports cannot be guessed",
    };
}
