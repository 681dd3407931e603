using System.CommandLine;
using Porthole.Cli.Forwarding;
using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole connect</c>.</summary>
internal static class ConnectCommand
{
    public static Command Create()
    {
        var port = new Argument<string>("PEER:PORT") { Description = "What to connect to: PEER:PORT, or PEER:HOST:PORT, as the peer shares it." };
        var command = new Command("connect", "Connect standard input and output to a port that a peer shares, as in: ssh -o ProxyCommand=\"porthole connect bob:22\" user@bob.") { port };
        var peer = new PeerCommandOptions(command);
        command.SetAction((parsed, _) => peer.RunAsync(parsed, (options, interrupted) =>
        {
            var (whom, target) = PortWords.ParseRemote(parsed.GetValue(port)!);
            if (target.Kind == ForwardKind.Udp) throw new PeerException(PeerError.BadRequest, "Standard input and output have no datagrams: use 'porthole forward' for UDP.");
            return new ConnectSession(whom, target).RunAsync(options with { Session = ForwardingSession.Options }, interrupted);
        }));
        return command;
    }
}
