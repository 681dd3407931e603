using System.Net;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;

namespace Porthole.Http;

/// <summary>Makes handlers for <see cref="HttpClient"/> that reach peers by name: <c>http://bob.porthole/</c>.</summary>
public static class PortholeHttpHandler
{
    /// <summary>
    /// Makes a handler. A request to a host of <see cref="PortholeHost"/> goes over a stream of a connection to that peer, which is called with the first request, kept, and called again when it was
    /// lost; any other host is refused. A redirect may lead to another peer: as with other hosts it takes neither Authorization nor cookies with it, but that peer hears from this node by its key, and headers that
    /// the program has set itself go along; <see cref="SocketsHttpHandler.AllowAutoRedirect"/> = false keeps to the peer that is called. HTTP/1.1 and, with <see cref="HttpVersionPolicy.RequestVersionExact"/> or <see cref="HttpVersionPolicy.RequestVersionOrHigher"/>, HTTP/2.
    /// </summary>
    /// <param name="node">The node that calls. It must live as long as the handler is used.</param>
    /// <returns>A handler of its own, to be changed before its first use, and disposed of by its <see cref="HttpClient"/>.</returns>
    public static SocketsHttpHandler Create(PeerNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return Create(_ => ValueTask.FromResult(node));
    }

    internal static SocketsHttpHandler Create(Func<CancellationToken, ValueTask<PeerNode>> getNode) => new()
    {
        UseProxy = false, // a proxy knows nothing of peers
        EnableMultipleHttp2Connections = true, // each is only a stream
        ConnectCallback = (context, cancellationToken) => ConnectAsync(getNode, context, cancellationToken),
    };

    private static async ValueTask<Stream> ConnectAsync(Func<CancellationToken, ValueTask<PeerNode>> getNode, SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var target = TargetOf(context.DnsEndPoint, context.InitialRequestMessage.RequestUri);
        var node = await getNode(cancellationToken).ConfigureAwait(false);
        return new HttpPeerStream(await node.Connections.OpenStreamAsync(target, StreamPreamble.Http, cancellationToken).ConfigureAwait(false), target);
    }

    private static PeerTarget TargetOf(DnsEndPoint end, Uri? uri)
    {
        if (!PortholeHost.TryParse(end.Host, out var target))
        {
            throw new PeerException(PeerError.BadRequest, $"'{end.Host}' is no peer: this client reaches NAME{PortholeHost.Suffix} and PEERID{PortholeHost.Suffix}. Use another HttpClient for other hosts.");
        }

        if (uri?.Scheme is { } scheme && scheme != Uri.UriSchemeHttp && scheme != Uri.UriSchemeWs)
        {
            throw new PeerException(PeerError.BadRequest, $"'{scheme}://{end.Host}' is not served: the connection to a peer is encrypted already. Use http://{end.Host} (ws:// for a WebSocket).");
        }

        const int HttpPort = 80;
        if (end.Port != HttpPort) throw new PeerException(PeerError.BadRequest, $"A peer has no ports: use http://{end.Host} without ':{end.Port}'.");
        return target;
    }
}
