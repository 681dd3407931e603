using System.Collections.Immutable;
using System.Net;
using Porthole.Diagnostics;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Sockets;

namespace Porthole.Runtime;

/// <summary>Turns a node's options into those of its parts.</summary>
internal static class NodeSetup
{
    public static PeerMachineOptions MachineOptions(PeerOptions options, IdentityKey identity, PublicKey? serverKey, KnownPeers met, IKnownPeers known) => new()
    {
        Identity = identity,
        Server = new RendezvousClientOptions { Server = options.Server.Uri, ServerKey = serverKey, Token = options.Token },
        Name = options.Name,
        Accept = options.Accept,
        Allowed = [.. options.Allowed.Concat(met.Peers.Select(static peer => peer.Key.PeerId)).Distinct().Take(RendezvousLimits.MaxListedPeers)],
        Presence = options.Presence,
        Room = options.Room,
        KnownPeers = known,
        Port = (ushort)(options.Port ?? PeerMachineOptions.DefaultPort),
        AnyPortInstead = options.Port is null,
        Transports = options.Transports,
        Prefer = options.Prefer,
        HideLan = options.HideLan,
        PortMapping = options.PortMapping,
        ConnectTimeout = options.ConnectTimeout,
        Session = options.Session,
    };

    public static INetwork Network(PeerOptions options)
    {
        var network = options.Network ?? new RealNetwork(options.TimeProvider);
        if (options.Trace is { } trace) network = new TracedNetwork(network, trace);
        return At(network, options.BindAddress);
    }

    /// <summary>A network with one address of it, if one is named.</summary>
    public static INetwork At(INetwork network, IPAddress? address) => address is not null && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)
        ? new OneAddress(network, TransportAddress.From(address, 0))
        : network;

    /// <summary>A network of which one local address is used, whatever others there are.</summary>
    private sealed class OneAddress(INetwork network, TransportAddress address) : INetwork
    {
        public ImmutableArray<TransportAddress> LocalAddresses => [address];

        public ImmutableArray<TransportAddress> Gateways => network.Gateways;

        public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed) => network.WatchAddresses(_ => changed([address]));

        public INetworkSocket Open(SocketRequest request, ISocketInbox inbox) => network.Open(request, inbox);
    }
}
