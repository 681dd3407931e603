using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.PortMapping;

/// <summary>
/// Has the gateways of this host map ports: by PCP, NAT-PMP or UPnP, whichever works. It asks only for what it is told to want, renews what it has, gives it back
/// at the end, and starts again when the network changes.
/// </summary>
/// <remarks>
/// A part of a machine: its owner gives it what comes to its sockets, keeps its deadline, drains it. A gateway is asked from the address that shall be reached,
/// and must itself have a private address (for IPv6 any): nobody else's router is asked for anything.
/// </remarks>
/// <param name="entropy">For the numbers of mappings.</param>
/// <param name="nextSocket">Numbers the next socket of the machine.</param>
internal sealed class PortMapper(EntropySource entropy, Func<SocketId> nextSocket)
{
    /// <summary>How many first bits a host and its gateway share at least, of IPv4: the widest private network is 10/8.</summary>
    private const int LeastPrefix = 8;

    private readonly List<GatewayClient> _clients = [];
    private readonly List<GatewayClient> _closing = [];
    private readonly Queue<SocketRequest> _requests = [];
    private readonly Queue<PortMapperEvent> _events = [];
    private ImmutableArray<TransportAddress> _gateways = [];

    /// <summary>What is mapped now.</summary>
    public IEnumerable<MappedPort> Mappings => _clients.SelectMany(static client => client.Mappings);

    /// <summary>Whether a gateway has been asked and has not said yet what comes of it.</summary>
    public bool IsAsking => _clients.Exists(static client => client.IsAsking);

    public Instant? NextDeadline
    {
        get
        {
            Instant? next = null;
            foreach (var client in _clients) next = Instant.Earlier(next, client.NextDeadline);
            return next;
        }
    }

    /// <summary>Whether a socket is one of these.</summary>
    public bool Owns(SocketId socket)
    {
        foreach (var client in _clients)
        {
            if (client.Socket == socket) return true;
        }

        return false;
    }

    /// <summary>Takes the host's addresses and default gateways. What others had is given back, as far as that is still possible.</summary>
    public void SetNetwork(Instant now, ImmutableArray<TransportAddress> addresses, ImmutableArray<TransportAddress> gateways)
    {
        _gateways = [.. gateways.Where(IsUsable).Take(PortMappingLimits.MaxGateways)];
        foreach (var client in _clients.ToArray())
        {
            if (_gateways.Contains(client.Gateway) && addresses.Any(client.Local.SameHost)) client.HandleNetworkChanged(now);
            else Close(now, client);
        }
    }

    /// <summary>Takes the ports that shall be reached from outside; those of before that are not among them are given back.</summary>
    public void Want(Instant now, IReadOnlyList<PortWish> wishes)
    {
        PortWish[] wanted = [.. wishes.Where(static wish => wish.Local.Port >= PortMappingLimits.LowestPort && wish.Transport is Transports.Udp or Transports.Tcp)];
        foreach (var client in _clients.ToArray())
        {
            if (!Array.Exists(wanted, wish => wish.Local.SameHost(client.Local))) Close(now, client);
        }

        foreach (var group in wanted.GroupBy(static wish => wish.Local.Host))
        {
            var client = _clients.Find(client => client.Local == group.Key);
            if (client is null)
            {
                if (_clients.Count == PortMappingLimits.MaxGateways || FindGateway(group.Key) is not { } gateway) continue;
                client = new GatewayClient(group.Key, gateway, _requests, _events, nextSocket, entropy);
                _clients.Add(client);
            }

            client.SetWishes(now, [.. group]);
        }
    }

    /// <summary>Gives everything back.</summary>
    public void Stop(Instant now)
    {
        foreach (var client in _clients.ToArray()) Close(now, client);
    }

    public void HandleDatagram(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> datagram) =>
        _clients.Find(client => client.Socket == socket)?.HandleDatagram(now, remote, datagram);

    /// <summary>Takes what became of a socket.</summary>
    /// <returns>Whether it was one of these.</returns>
    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        foreach (var client in _clients)
        {
            switch (socketEvent)
            {
                case SocketEvent.Opened opened when opened.Socket == client.Socket:
                    client.HandleOpened(now);
                    return true;
                case SocketEvent.Failed failed when failed.Socket == client.Socket:
                    client.Close(now);
                    _clients.Remove(client); // until the network changes
                    return true;
            }

            if (client.HandleSocketEvent(now, socketEvent)) return true;
        }

        return false;
    }

    public void HandleDeadline(Instant now)
    {
        foreach (var client in _clients)
        {
            if (client.NextDeadline <= now) client.HandleDeadline(now);
        }
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        foreach (var client in _clients)
        {
            if (client.TryWrite(now, ref writer)) return true;
        }

        foreach (var client in _closing)
        {
            if (client.TryWrite(now, ref writer)) return true;
        }

        _closing.Clear();
        return false;
    }

    /// <summary>Takes the next request to the driver.</summary>
    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out PortMapperEvent? mapperEvent) => _events.TryDequeue(out mapperEvent);

    private static bool IsUsable(TransportAddress gateway) =>
        !gateway.IsLoopback && !gateway.IsUnspecified && !gateway.IsMulticast && (gateway.IsIPv6 || (gateway.IsPrivate && !gateway.IsLinkLocal));

    private void Close(Instant now, GatewayClient client)
    {
        _clients.Remove(client);
        client.Close(now);
        _closing.Add(client);
        _requests.Enqueue(new SocketRequest.Close(client.Socket)); // taken behind the last datagrams
    }

    /// <summary>The gateway of an address: the one whose address is most like it.</summary>
    private TransportAddress? FindGateway(TransportAddress local)
    {
        TransportAddress? best = null;
        int longest = local.IsIPv6 ? -1 : LeastPrefix - 1;
        foreach (var gateway in _gateways)
        {
            if (gateway.IsIPv6 != local.IsIPv6 || gateway.SameHost(local)) continue;
            int shared = 0;
            while (shared < local.AddressLength * 8 && gateway.SharesPrefix(local, shared + 1)) shared++;
            if (shared > longest) (best, longest) = (gateway, shared);
        }

        return best;
    }
}
