using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Porthole.Protocol.Peer;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Server;

/// <summary>The ports and addresses that a server uses, chosen before anything listens so that a wrong one is told in one line.</summary>
internal sealed class ServerPorts
{
    /// <summary>How many other ports are tried before the choice is left to the system.</summary>
    private const int OtherPorts = 20;

    private ServerPorts(IPAddress reachable, int http, ImmutableArray<TransportAddress> stun, ImmutableArray<TransportAddress> announced, IPAddress? publicAddress) =>
        (Reachable, Http, Stun, Announced, PublicAddress) = (reachable, http, stun, announced, publicAddress);

    /// <summary>An address of this host that others can use.</summary>
    public IPAddress Reachable { get; }

    /// <summary>The TCP port of main connections.</summary>
    public int Http { get; }

    /// <summary>Every local address with each STUN port.</summary>
    public ImmutableArray<TransportAddress> Stun { get; }

    /// <summary>The STUN addresses as clients are told: the unspecified one stands for the host they reached.</summary>
    public ImmutableArray<TransportAddress> Announced { get; }

    /// <summary>An address of this host that the whole Internet can reach, if it listens on one.</summary>
    public IPAddress? PublicAddress { get; }

    public static ServerPorts Choose(PortholeServerOptions options)
    {
        var locals = StunAddresses(options);
        int http = options.Port == 0 ? FindFree(options.Address) : options.Port;
        if (!IsFree(options.Address, http, SocketType.Stream)) http = Another(options, options.Port, options.AnyPortInstead, "TCP port", port => IsFree(options.Address, port, SocketType.Stream));
        int stun = options.StunPort == 0 ? StunServerOptions.DefaultPort : options.StunPort;
        if (!StunPortsAreFree(locals, stun)) stun = Another(options, stun, options.AnyStunPortInstead || options.StunPort == 0, "STUN port", port => StunPortsAreFree(locals, port));

        var listen = ImmutableArray.CreateBuilder<TransportAddress>();
        foreach (var local in locals)
        {
            for (int i = 0; i < PortholeServerOptions.StunPortCount; i++) listen.Add(TransportAddress.From(local, (ushort)(stun + i)));
        }

        return new ServerPorts(Reachables(LocalAddresses(options.Address))[0], http, listen.ToImmutable(), Announce(locals, options, stun), FindPublicAddress(options.Address));
    }

    /// <summary>An address on which the whole Internet can reach this host, if it listens on one.</summary>
    public static IPAddress? FindPublicAddress(IPAddress listen) => LocalAddresses(listen).FirstOrDefault(static address => IsPublic(TransportAddress.From(address, 0)));

    private static ImmutableArray<TransportAddress> Announce(ImmutableArray<IPAddress> locals, PortholeServerOptions options, int stun)
    {
        var announced = ImmutableArray.CreateBuilder<TransportAddress>();
        for (int i = 0; i < PortholeServerOptions.StunPortCount; i++) announced.Add(TransportAddress.From(IPAddress.Any, (ushort)(stun + i)));

        // A second public address tells address-dependent mapping from endpoint-independent; an IPv6 address serves the hosts' other family.
        var publics = locals.Select(static address => TransportAddress.From(address, 0)).Where(static address => IsPublic(address)).ToArray();
        var hosts = options.SecondStunAddress is { } second ? BothHosts(second, options.Address) : [.. publics.Where(static address => !address.IsIPv6).Take(2)];
        if (options.SecondStunAddress is not null || hosts.Length > 1) announced.AddRange(hosts.Select(address => address.WithPort((ushort)stun)));
        announced.AddRange(publics.Where(static address => address.IsIPv6).Take(1).SelectMany(address => new[] { address.WithPort((ushort)stun), address.WithPort((ushort)(stun + 1)) }));
        return [.. announced.Take(RendezvousLimits.MaxStunAddresses)];
    }

    private static TransportAddress[] BothHosts(IPAddress second, IPAddress listen) =>
        [.. (IsAny(listen) ? [second] : new[] { second, listen }).Select(static address => TransportAddress.From(address, 0))];

    private static ImmutableArray<IPAddress> StunAddresses(PortholeServerOptions options)
    {
        var locals = LocalAddresses(options.Address);
        if (options.SecondStunAddress is not { } second) return locals;
        if (!CanBind(second)) throw new PeerException(PeerError.AddressNotAvailable, $"{second} is no address of this host. Leave out --stun-address, or choose another.");
        if (second.AddressFamily != AddressFamily.InterNetwork || second.Equals(options.Address) || IsAny(second))
        {
            throw new PeerException(PeerError.AddressNotAvailable, $"{second} is no second IPv4 address beside {options.Address}. Leave out --stun-address, or choose another.");
        }

        return locals.Contains(second) ? locals : locals.Add(second);
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static int Another(PortholeServerOptions options, int taken, bool isAllowed, string what, Func<int, bool> isFree)
    {
        if (isAllowed)
        {
            for (int i = 1; i <= OtherPorts; i++)
            {
                int port = taken + i * PortholeServerOptions.StunPortCount;
                if (port + PortholeServerOptions.StunPortCount < ushort.MaxValue && isFree(port)) return port;
            }
        }

        if (!LocalAddresses(options.Address).Any(static address => CanBind(address)))
        {
            throw new PeerException(PeerError.AddressNotAvailable, $"{options.Address} is no address of this host. Choose another with --ip, or 0.0.0.0 for all.");
        }

        throw new PeerException(PeerError.PortInUse, $"{what} {taken} is taken on {options.Address}. Stop what uses it, or choose another.");
    }

    private static bool StunPortsAreFree(ImmutableArray<IPAddress> locals, int first)
    {
        foreach (var local in locals)
        {
            for (int i = 0; i < PortholeServerOptions.StunPortCount; i++)
            {
                if (!IsFree(local, first + i, SocketType.Dgram) || !IsFree(local, first + i, SocketType.Stream)) return false;
            }
        }

        return true;
    }

    private static int FindFree(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, 0));
            return ((IPEndPoint)socket.LocalEndPoint!).Port;
        }
        catch (SocketException)
        {
            return 0; // no address of this host, which is said where the port turns out not to be free
        }
    }

    private static bool CanBind(IPAddress address) => IsFree(address, 0, SocketType.Dgram);

    private static bool IsFree(IPAddress address, int port, SocketType type)
    {
        using var socket = new Socket(address.AddressFamily, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            if (type == SocketType.Stream) socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static ImmutableArray<IPAddress> LocalAddresses(IPAddress listen)
    {
        if (!IsAny(listen)) return [listen];
        var addresses = NetworkInterface.GetAllNetworkInterfaces()
            .Where(static card => card.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
            .SelectMany(static card => card.GetIPProperties().UnicastAddresses)
            .Select(static unicast => unicast.Address)
            .Where(address => !address.IsIPv6LinkLocal && (listen.Equals(IPAddress.IPv6Any) || address.AddressFamily == AddressFamily.InterNetwork))
            .Distinct()
            .ToImmutableArray();
        return addresses.IsEmpty ? [IPAddress.Loopback] : [.. Reachables(addresses)];
    }

    private static IPAddress[] Reachables(IEnumerable<IPAddress> addresses) => [.. addresses.OrderBy(static address => IPAddress.IsLoopback(address)).ThenBy(static address => !IsPublic(TransportAddress.From(address, 0)))];

    private static bool IsPublic(TransportAddress address) => !address.IsLoopback && !address.IsPrivate && !address.IsLinkLocal && !address.IsUnspecified && !address.IsMulticast;
}
