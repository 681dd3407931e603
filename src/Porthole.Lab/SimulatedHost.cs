using System.Collections.Immutable;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A host: addresses, UDP and TCP ports, and the machines that run on it.</summary>
public sealed class SimulatedHost : SimulatedNode
{
    /// <summary>The ports that a socket gets which asks for none: those of Linux.</summary>
    internal const int FirstEphemeralPort = 32_768, LastEphemeralPort = 60_999;

    internal static readonly TransportAddress AnyIPv4 = TransportAddress.Parse("0.0.0.0:0");
    internal static readonly TransportAddress AnyIPv6 = TransportAddress.Parse("[::]:0");

    private readonly List<TransportAddress> _addresses = [];
    private readonly List<SimulatedMachine> _machines = [];
    private readonly Dictionary<TransportAddress, SimulatedSocket> _sockets = [];

    internal SimulatedHost(SimulatedNetwork network, string name, LinkOptions? link)
        : base(network, name, link)
    {
    }

    /// <summary>Its addresses, with port 0.</summary>
    public ImmutableArray<TransportAddress> Addresses => [.. _addresses];

    /// <summary>The routers that it may ask to map ports, with port 0: those of its network that take such requests.</summary>
    public ImmutableArray<TransportAddress> Gateways => Network.PortControl is { } control ? [control] : [];

    /// <summary>What it has sent and received.</summary>
    public TrafficCounters Traffic { get; } = new();

    /// <summary>How much later than the links say messages of main connections arrive here: what a server's push does to one side and not to the other.</summary>
    public TimeSpan MainConnectionLag
    {
        get;
        set => field = value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A lag is not negative.");
    }

    internal SimulatedTcp Tcp => field ??= new SimulatedTcp(this);

    /// <summary>Whether its plug is pulled: nothing here answers.</summary>
    internal bool IsOff { get; private set; }

    /// <summary>Runs a machine.</summary>
    /// <param name="machine">The machine; it may be an <see cref="ISocketUser"/> that asks for its sockets, or a plain one whose sockets the lab
    /// binds.</param>
    /// <param name="drained">Called after every input, when requests and datagrams are drained: take the machine's events here, and give it
    /// commands.</param>
    public SimulatedMachine Run(IProtocolMachine machine, Action<Instant>? drained = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        IsOff = false;
        var running = new SimulatedMachine(this, machine, drained);
        _machines.Add(running);
        running.Drain();
        return running;
    }

    /// <summary>
    /// Replaces all addresses, as when a device joins another network of the same router. Sockets on addresses that are gone fail, and machines are
    /// told.
    /// </summary>
    /// <param name="addresses">The new IP addresses, separated by commas.</param>
    public void SetAddresses(string addresses) => Move(Network, addresses);

    /// <summary>Moves the host to another network: Wi-Fi to mobile. Sockets on addresses that are gone fail, and machines are told.</summary>
    /// <param name="network">The network.</param>
    /// <param name="addresses">The IP addresses there, separated by commas.</param>
    public void Move(SimulatedNetwork network, string addresses)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(addresses);
        var old = Addresses;
        foreach (var address in old) Network.Detach(address);
        if (Network != network)
        {
            Network.Remove(this);
            network.Add(this);
            Network = network;
        }

        _addresses.Clear();
        foreach (string text in SimulatedNetwork.Split(addresses))
        {
            var address = SimulatedNetwork.ParseAddress(text);
            network.Attach(address, this);
            _addresses.Add(address);
        }

        foreach (var machine in _machines.ToArray()) machine.HandleAddresses(old, Addresses);
    }

    /// <summary>Stops everything that runs here, as pulling the plug does: nobody is told, peers find out by waiting.</summary>
    public void PowerOff()
    {
        foreach (var machine in _machines.ToArray()) machine.Stop(silently: true);
        Tcp.Clear();
        IsOff = true;
    }

    /// <summary>How many UDP sockets are bound now.</summary>
    public int SocketsOpen => _sockets.Count;

    /// <summary>Sends a datagram under a source address that may be somebody else's, as whoever writes his own packets can where nobody filters them.</summary>
    /// <param name="source">The source to write into it.</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="bytes">What is in it.</param>
    public void SendForged(TransportAddress source, TransportAddress destination, ReadOnlySpan<byte> bytes) =>
        Send(source, destination, SimulatedSocket.DefaultTimeToLive, bytes);

    internal void Forget(SimulatedMachine machine) => _machines.Remove(machine);

    /// <summary>Binds a UDP socket.</summary>
    internal bool TryBind(SimulatedMachine machine, SocketRequest.UdpBind request, out SimulatedSocket socket, out SocketFailure failure)
    {
        socket = null!;
        var local = request.Local;
        failure = SocketFailure.AddressGone;
        if (!local.IsUnspecified && !_addresses.Contains(local.Host)) return false;
        failure = SocketFailure.InUse;
        if (local.Port == 0) local = local.WithPort(FreePort(local));
        else if (_sockets.ContainsKey(local)) return false;
        socket = new SimulatedSocket(request.Socket, machine, local, request.TimeToLive);
        _sockets.Add(local, socket);
        return true;
    }

    internal void Unbind(SimulatedSocket socket) => _sockets.Remove(socket.Local);

    /// <summary>Sends one datagram.</summary>
    internal void Send(SimulatedSocket socket, TransportAddress destination, ReadOnlySpan<byte> bytes, int hopLimit = 0)
    {
        var source = socket.Local.IsUnspecified ? Primary(destination.IsIPv6).WithPort(socket.Local.Port) : socket.Local;
        Send(source, destination, hopLimit > 0 ? hopLimit : socket.TimeToLive, bytes);
    }

    private void Send(TransportAddress source, TransportAddress destination, int timeToLive, ReadOnlySpan<byte> bytes)
    {
        var packet = Simulation.CreatePacket(this, source, destination, timeToLive, bytes);
        Traffic.CountSent(packet.Kind, bytes.Length);
        Dispatch(packet, source, destination);
    }

    /// <summary>Sends one TCP segment.</summary>
    internal void SendSegment(TransportAddress source, TransportAddress destination, in TcpHeader header, ReadOnlySpan<byte> message)
    {
        var packet = Simulation.CreatePacket(this, source, destination, SimulatedSocket.DefaultTimeToLive, message);
        packet.MakeSegment(header);
        Traffic.CountSegment(header.Bits, message.Length);
        Dispatch(packet, source, destination);
    }

    private void Dispatch(SimulatedPacket packet, TransportAddress source, TransportAddress destination)
    {
        var now = Simulation.Now;
        Simulation.Record(now, packet, TraceStep.Sent, Name);
        if (source.IsUnspecified || source.IsIPv6 != destination.IsIPv6) Simulation.Drop(now, packet, Name, PacketDrop.NoRoute);
        else if (_addresses.Contains(destination.Host)) Simulation.Schedule(now, this, packet); // to itself
        else if (Simulation.TryCross(now, packet, this, Link.UpDirection, out var arrival)) Network.Forward(arrival, packet);
    }

    internal override void Receive(Instant now, SimulatedPacket packet)
    {
        if (packet.Protocol == NatProtocol.Tcp)
        {
            ReceiveSegment(now, packet);
            return;
        }

        if (!_sockets.TryGetValue(packet.Destination, out var socket)
            && !_sockets.TryGetValue((packet.Destination.IsIPv6 ? AnyIPv6 : AnyIPv4).WithPort(packet.Destination.Port), out socket))
        {
            Simulation.Drop(now, packet, Name, PacketDrop.NoSocket);
            return;
        }

        if (!_addresses.Contains(packet.Destination.Host))
        {
            Simulation.Drop(now, packet, Name, PacketDrop.NoRoute); // the address was taken away while the packet was under way
            return;
        }

        if (packet.Error != PacketError.None)
        {
            Simulation.Record(now, packet, TraceStep.Delivered, Name);
            socket.Machine.Post(new SocketEvent.Unreachable(socket.Id, packet.Source));
            packet.Return();
            return;
        }

        Traffic.CountReceived(packet.Kind);
        Simulation.Record(now, packet, TraceStep.Delivered, Name);
        socket.Machine.Receive(now, socket.Id, packet.Source, packet.Bytes);
        packet.Return();
    }

    private void ReceiveSegment(Instant now, SimulatedPacket packet)
    {
        var drop = IsOff ? PacketDrop.NoSocket : HasAddress(packet.Destination) ? PacketDrop.None : PacketDrop.NoRoute;
        if (drop != PacketDrop.None)
        {
            Simulation.Drop(now, packet, Name, drop);
            return;
        }

        if (packet.Error == PacketError.None) Traffic.CountSegmentReceived();
        Simulation.Record(now, packet, TraceStep.Delivered, Name);
        Tcp.Receive(now, packet);
        packet.Return();
    }

    internal bool HasAddress(TransportAddress address) => _addresses.Contains(address.Host);

    internal TransportAddress Primary(bool isIPv6)
    {
        foreach (var address in _addresses)
        {
            if (address.IsIPv6 == isIPv6) return address;
        }

        return isIPv6 ? AnyIPv6 : AnyIPv4;
    }

    internal ushort FreePort(TransportAddress local)
    {
        ushort port;
        do port = (ushort)Simulation.Chance.NextInt32(FirstEphemeralPort, LastEphemeralPort + 1);
        while (_sockets.ContainsKey(local.WithPort(port)));
        return port;
    }
}
