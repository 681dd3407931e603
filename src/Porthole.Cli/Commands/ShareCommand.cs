using System.Collections.Immutable;
using System.CommandLine;
using Porthole.Cli.Forwarding;
using Porthole.Forwarding;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole share</c>.</summary>
internal static class ShareCommand
{
    public static Command Create()
    {
        var ports = new Argument<string[]>("PORT")
        {
            Description = "What peers may reach: PORT of this host, HOST:PORT of one that it reaches, either with /udp behind it. Nothing else can be reached.", Arity = ArgumentArity.OneOrMore,
        };
        var only = new Option<string[]>("--only")
        {
            Description = "A port that is for this peer alone; may be given several times, also for one port. PEER is a name, or to be sure NAME@ID.", HelpName = "PEER:PORT[,PORT]",
        };
        var idle = PortWords.UdpTimeout();
        var accept = CommonOptions.Accept("ask in a terminal, known otherwise");
        var json = CommonOptions.Json();
        var command = new Command("share", "Let peers reach ports of this host with 'porthole forward' and 'porthole connect'. Runs until it is stopped.") { ports, only };
        var peer = new PeerCommandOptions(command);
        command.Add(idle);
        command.Add(accept);
        command.Add(json);
        command.SetAction((parsed, _) => peer.RunAsync(parsed, (options, interrupted) =>
        {
            var shared = PortWords.ParseShared(parsed.GetValue(ports) ?? [], parsed.GetValue(only) ?? []);
            var policy = parsed.GetValue(accept) ?? (Console.IsInputRedirected ? AcceptPolicy.Known : AcceptPolicy.Ask);
            if (policy == AcceptPolicy.Ask && Console.IsInputRedirected)
            {
                throw new PeerException(PeerError.BadRequest, "'--accept ask' needs a terminal to ask in. Use --accept anyone or --accept known, or name the peers: --only NAME@ID:PORT.");
            }

            options = options with
            {
                Accept = policy,
                Allowed = [.. Named(shared).Concat(options.Allowed).Distinct().Take(RendezvousLimits.MaxListedPeers)],
                Session = ForwardingSession.Options,
            };
            return new ShareSession(shared, new PortSharerOptions { FlowTimeout = parsed.GetValue(idle) ?? PortWords.StandardUdpTimeout }, new ForwardingView(parsed.GetValue(json))).RunAsync(options, interrupted);
        }));
        return command;
    }

    /// <summary>Whoever is named with an id is let in without a question.</summary>
    private static IEnumerable<PeerId> Named(ImmutableArray<SharedPort> shared) =>
        shared.SelectMany(static port => port.Peers).Select(static peer => peer.Id).OfType<PeerId>();
}
