using System.CommandLine;
using Porthole.Cli.Forwarding;
using Porthole.Forwarding;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole forward</c>.</summary>
internal static class ForwardCommand
{
    public static Command Create()
    {
        var ports = new Argument<string[]>("PORT")
        {
            Description = "Pairs of a local port and what it leads to: [ADDRESS:]PORT PEER:PORT, or PEER:HOST:PORT, with /udp behind it for UDP. PEER:PORT alone has the same port here. Without ADDRESS only this host can connect.",
            Arity = ArgumentArity.OneOrMore,
        };
        var idle = PortWords.UdpTimeout();
        var json = CommonOptions.Json();
        var command = new Command("forward", "Open local ports that lead to ports which a peer shares with 'porthole share'. Runs until it is stopped.") { ports };
        var peer = new PeerCommandOptions(command);
        command.Add(idle);
        command.Add(json);
        command.SetAction((parsed, _) => peer.RunAsync(parsed, (options, interrupted) =>
        {
            var forwarded = PortWords.ParseForwarded(parsed.GetValue(ports) ?? []);
            var forwarding = new PortForwarderOptions { FlowTimeout = parsed.GetValue(idle) ?? PortWords.StandardUdpTimeout };
            return new ForwardSession(forwarded, forwarding, new ForwardingView(parsed.GetValue(json))).RunAsync(options with { Session = ForwardingSession.Options }, interrupted);
        }));
        return command;
    }
}
