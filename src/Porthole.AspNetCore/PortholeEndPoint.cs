using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Porthole.Hosting;
using Porthole.Http;
using Porthole.Protocol.Peer;

namespace Porthole.AspNetCore;

/// <summary>Where Kestrel listens: at a peer, in place of an address and a port. There is one for each version of HTTP, since Kestrel cannot tell them apart without TLS.</summary>
internal sealed class PortholeEndPoint(IPorthole porthole, HttpProtocols protocols) : EndPoint
{
    public IPorthole Porthole { get; } = porthole;

    public HttpProtocols Protocols { get; } = protocols;

    /// <summary>As Kestrel logs it behind "Now listening on".</summary>
    public override string ToString() => Porthole.Node is { } node
        ? $"http://{PortholeHost.Format(node.Name is { } name ? new PeerTarget(name, null) : new PeerTarget(null, node.Id))} ({Protocols})"
        : $"http://*{PortholeHost.Suffix} ({Protocols})";
}
