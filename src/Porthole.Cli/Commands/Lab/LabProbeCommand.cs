using System.CommandLine;
using System.CommandLine.Parsing;
using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Lab.Probe;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands.Lab;

/// <summary><c>porthole lab probe</c>.</summary>
internal static class LabProbeCommand
{
    public static Command Create()
    {
        var profile = LabCommand.Profile("The modelled NAT to examine.");
        var kernel = new Option<KernelNatKind?>("--kernel")
        {
            Description = $"Examine a NAT of the Linux kernel in place of a model (root only): {string.Join(", ", KernelNames)}.", HelpName = "KIND", CustomParser = ParseKernel,
        };
        var command = new Command("probe", "Find out from both sides how a NAT behaves, by one script for models and for the kernel's.") { profile, kernel };
        command.SetAction(parsed =>
        {
            Console.WriteLine(parsed.GetValue(kernel) is { } kind ? ProbeKernel(kind) : ProbeModel(parsed.GetValue(profile) ?? NatProfile.PortRestricted));
            return ExitCode.Success;
        });
        return command;
    }

    private static IEnumerable<string> KernelNames => Enum.GetNames<KernelNatKind>().Select(static name => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(name));

    private static NatObservation ProbeModel(NatProfile profile) => BehaviorProbe.Run(new MiddleboxNetwork(
        new NatTable(profile, new SeededEntropy(1), TransportAddress.Parse("203.0.113.11:0")),
        [TransportAddress.Parse("10.0.0.2:0"), TransportAddress.Parse("10.0.0.3:0")],
        [TransportAddress.Parse("203.0.113.1:0"), TransportAddress.Parse("203.0.113.2:0")]));

    private static NatObservation ProbeKernel(KernelNatKind kind)
    {
        if (!KernelLab.IsSupported(out string reason)) throw new PeerException(PeerError.BadRequest, $"The kernel's NATs cannot be built here: {reason}");
        using var lab = new KernelLab(ipv6: false);
        using var network = new KernelProbeNetwork(lab, lab.AddSite(kind));
        return BehaviorProbe.Run(network);
    }

    private static KernelNatKind? ParseKernel(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (Enum.TryParse<KernelNatKind>(text.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var kind) && Enum.IsDefined(kind)) return kind;
        result.AddError($"'{text}' is no NAT of the kernel lab: use {string.Join(", ", KernelNames)}.");
        return null;
    }
}
