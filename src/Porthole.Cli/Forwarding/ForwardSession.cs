using System.Collections.Immutable;
using Porthole.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Forwarding;

/// <summary>One run of <c>porthole forward</c>: for each peer a connection that is kept, and the local ports that lead over it.</summary>
internal sealed class ForwardSession(ImmutableArray<(PeerTarget Peer, ForwardedPort Port)> ports, PortForwarderOptions forwarding, ForwardingView view)
{
    /// <summary>Forwards until it is stopped, or a peer cannot be had.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(PeerOptions options, CancellationToken interrupted)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        var node = await PeerNode.StartAsync(options, interrupted).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            var watch = new ServerWatch(node, view.IsJson, stop);
            var running = new List<IAsyncDisposable>();
            try
            {
                foreach (var of in ports.GroupBy(static one => one.Peer)) Start(node, of.Key, [.. of.Select(static one => one.Port)], watch, running);
                await Task.Delay(Timeout.Infinite, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            finally
            {
                foreach (var one in Enumerable.Reverse(running)) await one.DisposeAsync().ConfigureAwait(false);
            }

            return watch.Finish();
        }
    }

    private void Start(PeerNode node, PeerTarget peer, ImmutableArray<ForwardedPort> local, ServerWatch watch, List<IAsyncDisposable> running)
    {
        var redialer = new PeerRedialer(node, peer);
        running.Add(redialer);
        string? told = null;
        redialer.Changed += (_, happened) =>
        {
            switch (happened)
            {
                case PeerRedialerEvent.Found found:
                    told = null;
                    view.Connected(found.Connection);
                    break;
                case PeerRedialerEvent.Failed failed when told != failed.Reason.Message: // the same again is no news
                    view.Failed(peer, told = failed.Reason.Message);
                    break;
                case PeerRedialerEvent.Ended ended:
                    watch.End(ended.Reason.Error, ended.Reason.Message);
                    break;
            }
        };
        var forwarder = PortForwarder.Start(redialer, local, forwarding with { Observer = view.Happened, Unconnected = view.Unconnected });
        running.Add(forwarder);
        foreach (var port in forwarder.Ports) view.Forwards(peer, port);
    }
}
