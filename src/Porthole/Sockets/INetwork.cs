using System.Collections.Immutable;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>All that the library asks of the world outside: local addresses and sockets. The real one is <see cref="RealNetwork"/>; a lab may bring its own.</summary>
public interface INetwork
{
    /// <summary>The local addresses that are of use to a peer, with port 0, the likeliest first.</summary>
    ImmutableArray<TransportAddress> LocalAddresses { get; }

    /// <summary>The default gateways, with port 0: routers that may be asked to map ports. None in a network that is not to be asked.</summary>
    ImmutableArray<TransportAddress> Gateways => [];

    /// <summary>Calls back whenever <see cref="LocalAddresses"/> or <see cref="Gateways"/> has changed, from any thread, until the returned object is disposed.</summary>
    IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed);

    /// <summary>Opens what a machine asks for. Returns at once: success and failure both arrive at the inbox, as events that bear the request's number.</summary>
    /// <param name="request">The request; every kind but <see cref="SocketRequest.Close"/>.</param>
    /// <param name="inbox">Where events and datagrams go.</param>
    INetworkSocket Open(SocketRequest request, ISocketInbox inbox);
}
