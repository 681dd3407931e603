using System.CommandLine;
using System.Globalization;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole check</c>.</summary>
internal static class CheckCommand
{
    /// <summary>How long to wait for the rest once something was answered.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    /// <summary>How long to wait for the first answer: by then each of the server's ports was asked seven times.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var command = new Command("check", "Find out how the NATs in front of this host behave, and whether UDP gets through to the server.");
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
                    if (report.IsComplete) complete.TrySetResult();
                },
            };
            var node = await PeerNode.StartAsync(options, interrupt.Token).ConfigureAwait(false);
            await using (node.ConfigureAwait(false))
            {
                using var late = CancellationTokenSource.CreateLinkedTokenSource(interrupt.Token);
                late.CancelAfter(s_patience);
                await Task.WhenAny(complete.Task, Task.Delay(s_silence, late.Token)).ConfigureAwait(false);
                if (newest.IsUdpReachable) await complete.Task.WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

    private static NatMapping MappingOf(NatReport report) => report.IsUdpReachable ? report.Mapping : NatMapping.Blocked;

    private static LocalMapping? MainOf(NatReport report) => report.Mappings.FirstOrDefault(static mapping => !mapping.Mapped.IsIPv6) ?? report.Mappings.FirstOrDefault();

    private static void WriteJson(NatReport report, ServerAddress server) => JsonLines.Write(null, writer =>
    {
        var main = MainOf(report);
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
        writer.WriteStartArray("addresses");
        foreach (var mapping in report.Mappings)
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
        writer.WriteString("meaning", Meaning(report));
    });

    private static void WriteWords(NatReport report, ServerAddress server)
    {
        Console.WriteLine($"UDP to {server.Uri.Host}: {(report.IsUdpReachable ? "gets through" : "does not get through")}");
        if (!report.IsUdpReachable) return;
        Console.WriteLine($"Mapping:    {report.Mapping.Code} ({Meaning(report)})");
        string step = report.Allocation == NatAllocation.Sequential ? string.Create(CultureInfo.InvariantCulture, $", step {report.Step}") : "";
        Console.WriteLine($"Allocation: {report.Allocation.Code}{step} ({PortsInWords(report)})");
        foreach (var mapping in report.Mappings)
        {
            string time = mapping.RoundTripTime is { } rtt ? $", {Words.Span(rtt)} to the server" : "";
            Console.WriteLine($"Address:    {mapping.Local} {(mapping.IsTranslated ? $"is seen as {mapping.Mapped}" : "is seen as it is: no NAT")}{time}");
        }

        if (report.HasAddressPool) Console.WriteLine("Pool:       this host is seen under several public addresses");
        if (!report.IsComplete) Console.WriteLine("Not every question was answered in time: some of this may be less than the truth.");
    }

    private static string Meaning(NatReport report) =>
        report.IsUdpReachable && report.Mappings.All(static mapping => !mapping.IsTranslated) ? "there is no NAT on the way to the server" : MappingOf(report).Meaning;

    private static string PortsInWords(NatReport report) => report.Allocation switch
    {
        NatAllocation.Unknown => "too few mappings were seen",
        NatAllocation.Preserve => "the public port is the local one where that is free",
        NatAllocation.Sequential => "ports follow one another, so the next one can be guessed",
        NatAllocation.Random => "ports cannot be guessed",
    };
}
