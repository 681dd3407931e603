using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Lab.Live;

/// <summary>
/// The network of a host behind a lab NAT: its UDP goes through the NAT, datagram by datagram; its main connection, being TCP, goes straight to the
/// server. Give it to a node in place of the real network.
/// </summary>
public sealed class LabNetwork : INetwork
{
    private readonly TransportAddress _host;
    private readonly TransportAddress _gateway;
    private readonly INetwork _real;

    /// <summary>Places a host behind a NAT.</summary>
    /// <param name="host">The host's own loopback address; the port does not matter.</param>
    /// <param name="gateway">Where the NAT takes datagrams from its hosts (<see cref="NatProcess.Inside"/>).</param>
    /// <param name="real">Opens everything but UDP; <c>null</c>: the system's network.</param>
    public LabNetwork(TransportAddress host, TransportAddress gateway, INetwork? real = null)
    {
        if (!host.IsLoopback || !gateway.IsLoopback) throw new ArgumentException("The lab lives on loopback addresses.", nameof(host));
        (_host, _gateway, _real) = (host.Host, gateway, real ?? new RealNetwork());
    }

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> LocalAddresses => [_host];

    /// <summary>Reads <c>127.1.0.2@127.1.0.1:4000</c>: the host, and the gateway it uses.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out LabNetwork? network)
    {
        network = null;
        if (text?.Split('@') is not [var host, var gateway]) return false;
        if (!IPAddress.TryParse(host, out var address) || !TransportAddress.TryParse(gateway, out var via)) return false;
        var own = TransportAddress.From(address, 0);
        if (!own.IsLoopback || !via.IsLoopback || via.Port == 0 || own.IsIPv6 != via.IsIPv6) return false;
        network = new LabNetwork(own, via);
        return true;
    }

    /// <inheritdoc/>
    public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed) => Unchanging.Instance;

    /// <inheritdoc/>
    public INetworkSocket Open(SocketRequest request, ISocketInbox inbox)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(inbox);
        return request is SocketRequest.UdpBind bind ? TunnelSocket.Open(bind, _host, _gateway, inbox, _real) : _real.Open(request, inbox);
    }

    private sealed class Unchanging : IDisposable
    {
        public static readonly Unchanging Instance = new();

        public void Dispose()
        {
        }
    }
}
