using System.Collections.Immutable;
using Porthole.Forwarding;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Forwarding;

/// <summary>One run of <c>porthole share</c>.</summary>
internal sealed class ShareSession(ImmutableArray<SharedPort> ports, PortSharerOptions sharing, ForwardingView view)
{
    /// <summary>Shares until it is stopped.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(PeerOptions options, CancellationToken interrupted)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        var node = await PeerNode.StartAsync(options, interrupted).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            WarnOfNames(node);
            var watch = new ServerWatch(node, view.IsJson, stop);
            var sharer = new PortSharer(ports, sharing with { Observer = view.Happened });
            foreach (var port in ports) view.Shares(port);
            var answering = options.Accept == AcceptPolicy.Ask ? CallQuestions.AnswerAsync(node, "wants to reach what you share", connection => ServeAsync(connection, sharer, stop.Token), stop.Token) : Task.CompletedTask;
            try
            {
                while (true) _ = ServeAsync(await node.AcceptAsync(stop.Token).ConfigureAwait(false), sharer, stop.Token);
            }
            catch (OperationCanceledException)
            {
                await answering.ConfigureAwait(false);
            }

            return watch.Finish();
        }
    }

    /// <summary>A name that was never met is whoever the server says it is.</summary>
    private void WarnOfNames(PeerNode node)
    {
        var server = node.ServerKey?.PeerId ?? PeerId.Unknown;
        foreach (string name in ports.SelectMany(static port => port.Peers).Where(static peer => peer.Id is null).Select(static peer => peer.Name!).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (node.Options.KnownPeers?.FindByName(server, name) is null) Complaint.Write($"{name} was not met yet: until then the server says whose key that name has. To be sure write {name}@ID.");
        }
    }

    private Task ServeAsync(PeerConnection connection, PortSharer sharer, CancellationToken cancellationToken)
    {
        view.Connected(connection);
        return sharer.ServeAsync(connection, cancellationToken);
    }
}
