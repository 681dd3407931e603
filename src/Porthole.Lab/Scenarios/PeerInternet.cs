using System.Collections.Immutable;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Lab.Scenarios;

/// <summary>An internet with a Porthole server on it, to which peers can be added behind whatever NATs: whole peers, the very machines of a program.</summary>
public sealed class PeerInternet
{
    /// <summary>The server's address.</summary>
    public const string ServerAddress = "198.51.100.1";

    /// <summary>The server's IPv6 address.</summary>
    public const string ServerAddressIPv6 = "2001:db8:5::1";

    /// <summary>The address that the server has besides where it has two.</summary>
    public const string SecondServerAddress = "198.51.100.2";

    private const ushort HttpPort = 8848;
    private const ushort FirstStunPort = 3478;
    private const int StunPorts = 4;

    private static readonly DateTimeOffset s_epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly SocketId s_listener = new(1);

    private readonly RendezvousServerOptions _options;
    private readonly ImmutableArray<TransportAddress> _alternates;
    private readonly IdentityKey _serverKey;
    private readonly List<NameRecord> _names = [];
    private SimulatedMachine? _rendezvous;
    private SimulatedMachine? _stun;
    private SimulatedMachine? _stunStream;

    /// <summary>Creates an internet with a running server.</summary>
    /// <param name="seed">Decides everything that chance decides.</param>
    /// <param name="serverLink">The server's link; null is a perfect one.</param>
    /// <param name="options">What the server allows; null for the defaults.</param>
    /// <param name="secondAddress">Whether the server answers STUN on <see cref="SecondServerAddress"/> too.</param>
    public PeerInternet(ulong seed, LinkOptions? serverLink = null, RendezvousServerOptions? options = null, bool secondAddress = false)
    {
        Simulation = new Simulation(seed);
        ServerHost = Simulation.Internet.AddHost("server", secondAddress ? $"{ServerAddress},{SecondServerAddress},{ServerAddressIPv6}" : $"{ServerAddress},{ServerAddressIPv6}", serverLink);
        _serverKey = IdentityKey.Generate(Simulation.CreateEntropy());
        var stun = ImmutableArray.CreateBuilder<TransportAddress>();
        for (int i = 0; i < StunPorts; i++) stun.Add(TransportAddress.Parse($"{ServerAddress}:{FirstStunPort + i}"));
        stun.Add(TransportAddress.Parse($"[{ServerAddressIPv6}]:{FirstStunPort}"));
        stun.Add(TransportAddress.Parse($"[{ServerAddressIPv6}]:{FirstStunPort + 1}"));
        _alternates = secondAddress ? [.. Enumerable.Range(1, StunPorts - 1).Select(static i => TransportAddress.Parse($"{SecondServerAddress}:{FirstStunPort + i}"))] : [];
        if (secondAddress) stun.Add(TransportAddress.Parse($"{SecondServerAddress}:{FirstStunPort}"));
        _options = (options ?? new RendezvousServerOptions()) with { Stun = stun.ToImmutable() };
        StartServer();
    }

    /// <summary>The internet.</summary>
    public Simulation Simulation { get; }

    /// <summary>The server's host.</summary>
    public SimulatedHost ServerHost { get; }

    /// <summary>The server's key.</summary>
    public PublicKey ServerKey => _serverKey.PublicKey;

    /// <summary>Ends the server's process: main connections break, STUN is silent.</summary>
    public void KillServer()
    {
        _rendezvous?.Stop();
        _stun?.Stop();
        _stunStream?.Stop();
        (_rendezvous, _stun, _stunStream) = (null, null, null);
    }

    /// <summary>Ends STUN over TCP alone: a server behind a firewall that lets only its UDP ports and main connections through.</summary>
    public void KillTcpStun()
    {
        _stunStream?.Stop();
        _stunStream = null;
    }

    /// <summary>Starts the server again, with the key and the names it had.</summary>
    public void StartServer()
    {
        var entropy = Simulation.CreateEntropy();
        var stunKey = StunServerKey.Create(entropy);
        var router = new RelayRouter();
        var now = Simulation.Now;
        var server = new RendezvousServer(_options, _serverKey, stunKey, router, entropy, now, s_epoch + (now - Instant.Zero), _names);
        _rendezvous = ServerHost.Run(new RendezvousHost(server, router), _ => KeepNames(server));
        _rendezvous.Listen(HttpPort, s_listener);
        var (listen, clock) = (StunServerOptions.Default with { Listen = [.. _options.Stun, .. _alternates] }, new WallClock(now, s_epoch + (now - Instant.Zero)));
        _stun = ServerHost.Run(new StunServer(listen, stunKey, clock, entropy));
        _stunStream = ServerHost.Run(new StunStreamServer(listen, stunKey, clock, entropy));
    }

    /// <summary>Adds a host with a peer on it, and starts the peer.</summary>
    /// <param name="name">The peer's name, and its host's.</param>
    /// <param name="network">The network it hangs on.</param>
    /// <param name="addresses">Its addresses there, separated by commas.</param>
    /// <param name="link">Its link; null is a perfect one.</param>
    /// <param name="change">Changes the options; by default a peer takes anyone's calls.</param>
    public SimulatedPeer AddPeer(
        string name, SimulatedNetwork network, string addresses, LinkOptions? link = null, Func<PeerMachineOptions, PeerMachineOptions>? change = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        return AddPeer(network.AddHost(name, addresses, link), change);
    }

    /// <summary>Runs a peer on a host, under the host's name, and starts it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="change">Changes the options; by default a peer takes anyone's calls.</param>
    public SimulatedPeer AddPeer(SimulatedHost host, Func<PeerMachineOptions, PeerMachineOptions>? change = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        var options = new PeerMachineOptions
        {
            Identity = IdentityKey.Generate(Simulation.CreateEntropy()),
            Server = new RendezvousClientOptions { Server = new Uri($"http://{ServerAddress}:{HttpPort}"), ServerKey = ServerKey },
            Name = host.Name,
            Accept = AcceptPolicy.Anyone,
        };
        return new SimulatedPeer(Simulation, host, change is null ? options : change(options));
    }

    private void KeepNames(RendezvousServer server)
    {
        while (server.TryTakeEvent(out var serverEvent))
        {
            if (serverEvent is RendezvousServerEvent.NameChanged changed) _names.Add(changed.Record);
        }
    }
}
