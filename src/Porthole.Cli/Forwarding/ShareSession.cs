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
            var watch = new ServerWatch(node, view, stop);
            var sharer = new PortSharer(ports, sharing with { Observer = view.Happened });
            foreach (var port in ports) view.Shares(port);
            var answering = options.Accept == AcceptPolicy.Ask ? AnswerAsync(node, sharer, stop.Token) : Task.CompletedTask;
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

    private async Task AnswerAsync(PeerNode node, PortSharer sharer, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var call = await node.AcceptCallAsync(cancellationToken).ConfigureAwait(false);
                await Console.Error.WriteAsync($"{call.Name ?? "A peer without a name"} ({call.PeerId}) wants to reach what you share. Accept? [y/N] ").ConfigureAwait(false);
                string? answer = await Task.Run(Console.ReadLine, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
                if (answer?.Trim() is "y" or "Y" or "yes") _ = ServeWhenOpenAsync(call, sharer, cancellationToken);
                else call.Refuse();
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends.
        }
    }

    private async Task ServeWhenOpenAsync(IncomingCall call, PortSharer sharer, CancellationToken cancellationToken)
    {
        try
        {
            await ServeAsync(await call.AcceptAsync(cancellationToken).ConfigureAwait(false), sharer, cancellationToken).ConfigureAwait(false);
        }
        catch (PeerException exception)
        {
            Complaint.Write(exception.Message);
        }
        catch (OperationCanceledException)
        {
            // The program ends.
        }
    }
}
