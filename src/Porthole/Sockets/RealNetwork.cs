using System.Collections.Immutable;
using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>The sockets and addresses of this host.</summary>
public sealed class RealNetwork : INetwork
{
    private readonly NetworkWatcher _watcher;
    private readonly TentativeUdpSockets _tentative = new();

    /// <summary>Creates a view of this host's network.</summary>
    /// <param name="clock">Paces the look-out for address changes; null is the system's clock.</param>
    public RealNetwork(TimeProvider? clock = null) => _watcher = new NetworkWatcher(clock ?? TimeProvider.System);

    /// <summary>Whether loopback addresses are offered to peers beside the others. They always are when the host has no other address.</summary>
    public bool UseLoopback { get => _watcher.UseLoopback; init => _watcher.UseLoopback = value; }

    /// <summary>Whether to leave out the fast paths that only this system has.</summary>
    public bool Portable { get; init; }

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> LocalAddresses => _watcher.Current().Addresses;

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> Gateways => _watcher.Current().Gateways;

    /// <inheritdoc/>
    public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed) => _watcher.Watch(changed);

    /// <inheritdoc/>
    public INetworkSocket Open(SocketRequest request, ISocketInbox inbox)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(inbox);
        try
        {
            return request switch
            {
                SocketRequest.UdpBind { IsTentative: true } bind => _tentative.Open(bind, inbox, Portable),
                SocketRequest.UdpBind bind => UdpSocket.Open(bind, inbox, Portable),
                SocketRequest.TcpListen listen => TcpListenerSocket.Open(listen, inbox),
                SocketRequest.TcpConnect connect => TcpConnector.Open(connect, inbox),
                SocketRequest.ServerConnect connect => ServerConnector.Open(connect, inbox),
                SocketRequest.HttpAsk ask => HttpAskSocket.Open(ask, inbox),
                _ => FailedSocket.Report(request.Socket, SocketFailure.Other, "this network opens no such socket", inbox),
            };
        }
        catch (SocketException exception)
        {
            return FailedSocket.Report(request.Socket, SocketFailures.Classify(exception.SocketErrorCode), SocketFailures.Describe(exception), inbox);
        }
    }
}
