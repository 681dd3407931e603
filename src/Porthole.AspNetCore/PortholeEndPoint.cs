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

    /// <summary>The host; Kestrel puts "http://" before it, logs it behind "Now listening on", once for each version, and the application sees it among its addresses.</summary>
    public override string ToString() => Porthole.Node switch
    {
        null => $"*{PortholeHost.Suffix}",
        { Name: { } name } => PortholeHost.Format(new PeerTarget(name, null)),
        { Id: var id } => PortholeHost.Format(new PeerTarget(null, id)),
    };
}
