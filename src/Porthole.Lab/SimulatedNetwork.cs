using System.Net;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>
/// A network on which hosts and routers hang: the internet, a carrier's, a LAN. Two of its own reach each other without the router between it and the
/// outside.
/// </summary>
public sealed class SimulatedNetwork
{
    /// <summary>How many routers there are on the way through the internet, for packets with a short time to live.</summary>
    public const int InternetHops = 6;

    private readonly Dictionary<TransportAddress, SimulatedNode> _addresses = [];
    private readonly List<(AddressPrefix Prefix, SimulatedRouter Router)> _routes = [];
    private readonly List<AddressPrefix> _prefixes = [];
    private readonly List<SimulatedHost> _hosts = [];

    internal SimulatedNetwork(Simulation simulation, string name, SimulatedRouter? gateway)
    {
        Simulation = simulation;
        Name = name;
        Gateway = gateway;
    }

    /// <summary>Its name in traces.</summary>
    public string Name { get; }

    /// <summary>The router to the outside; null for the internet.</summary>
    public SimulatedRouter? Gateway { get; }

    /// <summary>Where its router takes requests for port mappings, with port 0; null when it takes none.</summary>
    public TransportAddress? PortControl { get; internal set; }

    /// <summary>The hosts that hang on it.</summary>
    public IReadOnlyList<SimulatedHost> Hosts => _hosts;

    internal Simulation Simulation { get; }

    /// <summary>Adds a host.</summary>
    /// <param name="name">Its name in traces.</param>
    /// <param name="addresses">Its IP addresses, IPv4 or IPv6, separated by commas.</param>
    /// <param name="link">Its link, both directions; null is a perfect one.</param>
    public SimulatedHost AddHost(string name, string addresses, LinkOptions? link = null)
    {
        var host = new SimulatedHost(this, name, link);
        _hosts.Add(host);
        host.SetAddresses(addresses);
        return host;
    }

    /// <summary>Adds a NAT with a network behind it.</summary>
    /// <param name="name">Its name in traces.</param>
    /// <param name="profile">How it behaves.</param>
    /// <param name="external">Its addresses on this network, separated by commas.</param>
    /// <param name="inside">The prefix of the network behind it.</param>
    /// <param name="link">Its link, both directions; null is a perfect one.</param>
    public SimulatedRouter AddNat(string name, NatProfile profile, string external, string inside = "192.168.1.0/24", LinkOptions? link = null)
    {
        TransportAddress[] addresses = [.. Split(external).Select(ParseAddress)];
        var nat = new NatTable(profile, Simulation.CreateEntropy(), addresses);
        return AddRouter(name, nat, addresses, inside, link);
    }

    /// <summary>
    /// Adds a firewall that translates nothing, with a network behind it whose addresses are reached from outside, as IPv6 addresses are.
    /// </summary>
    /// <param name="name">Its name in traces.</param>
    /// <param name="firewall">What it lets in.</param>
    /// <param name="inside">The prefix of the network behind it.</param>
    /// <param name="link">Its link, both directions; null is a perfect one.</param>
    public SimulatedRouter AddFirewall(string name, StatefulFirewall firewall, string inside, LinkOptions? link = null)
    {
        var router = new SimulatedRouter(this, name, null, link);
        router.Route(inside, firewall);
        return router;
    }

    /// <summary>Adds a router with a middlebox of your own.</summary>
    /// <param name="name">Its name in traces.</param>
    /// <param name="nat">The NAT.</param>
    /// <param name="external">Its addresses on this network; ports do not matter.</param>
    /// <param name="inside">The prefix of the network behind it.</param>
    /// <param name="link">Its link, both directions; null is a perfect one.</param>
    public SimulatedRouter AddRouter(string name, IMiddlebox nat, IReadOnlyList<TransportAddress> external, string inside, LinkOptions? link = null)
    {
        ArgumentNullException.ThrowIfNull(nat);
        ArgumentNullException.ThrowIfNull(external);
        var router = new SimulatedRouter(this, name, nat, link);
        foreach (var address in external) Attach(address.Host, router);
        router.Inside.AddPrefix(AddressPrefix.Parse(inside));
        return router;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal static TransportAddress ParseAddress(string address) => TransportAddress.From(IPAddress.Parse(address), 0);

    internal void AddPrefix(AddressPrefix prefix) => _prefixes.Add(prefix);

    internal void AddRoute(AddressPrefix prefix, SimulatedRouter router) => _routes.Add((prefix, router));

    internal void Attach(TransportAddress address, SimulatedNode node)
    {
        if (!_addresses.TryAdd(address, node)) throw new ArgumentException($"{address.Address} is taken on {Name}.", nameof(address));
    }

    internal void Detach(TransportAddress address) => _addresses.Remove(address);

    internal void Add(SimulatedHost host) => _hosts.Add(host);

    internal void Remove(SimulatedHost host) => _hosts.Remove(host);

    internal SimulatedNode? Find(TransportAddress destination)
    {
        if (_addresses.TryGetValue(destination.Host, out var node)) return node;
        foreach (var (prefix, router) in _routes)
        {
            if (prefix.Contains(destination)) return router;
        }

        return null;
    }

    /// <summary>A packet comes up a link onto the network at a time that may lie ahead: nothing here depends on the order of arrivals.</summary>
    internal void Forward(Instant at, SimulatedPacket packet)
    {
        var next = Find(packet.Destination);
        if (next is null && Gateway is not null && !IsOnLink(packet.Destination))
        {
            Gateway.Leave(at, packet);
            return;
        }

        var drop = next is null || packet.Destination.IsMulticast ? PacketDrop.NoRoute : PacketDrop.None;
        if (Gateway is null && (packet.TimeToLive -= InternetHops) <= 0) drop = PacketDrop.TimeToLiveExpired;
        if (drop == PacketDrop.None && Simulation.IsCut(packet, next!)) drop = PacketDrop.Cut;
        if (drop != PacketDrop.None) Simulation.Drop(at, packet, Name, drop);
        else if (next!.Link.DownDirection.HasMemory && at > Simulation.Now) Simulation.Schedule(at, next.AtLink, packet);
        else Descend(at, next, packet);
    }

    /// <summary>A packet goes down the link of one node.</summary>
    internal void Descend(Instant at, SimulatedNode node, SimulatedPacket packet)
    {
        if (!Simulation.TryCross(at, packet, node, node.Link.DownDirection, out var arrival)) return;
        if (arrival <= Simulation.Now && node is SimulatedRouter) node.Receive(arrival, packet); // a host's machine may be busy: it waits its turn
        else Simulation.Schedule(arrival, node, packet);
    }

    internal static string[] Split(string addresses) => addresses.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private bool IsOnLink(TransportAddress address)
    {
        foreach (var prefix in _prefixes)
        {
            if (prefix.Contains(address)) return true;
        }

        return false;
    }
}
