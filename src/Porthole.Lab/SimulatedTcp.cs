using System.Runtime.InteropServices;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>
/// The TCP of a host. A segment goes to the connection with its 4-tuple, whatever state that is in, and only then to a listener, as in Linux: where a
/// connection attempt and a listener share a port, a SYN that crosses the attempt's own makes a simultaneous open.
/// </summary>
internal sealed class SimulatedTcp(SimulatedHost host)
{
    private struct PortUse
    {
        public SimulatedMachine Owner;
        public int Count;
    }

    private readonly Dictionary<FlowKey, SimulatedConnection> _connections = [];
    private readonly Dictionary<TransportAddress, TcpListenSocket> _listeners = [];
    private readonly Dictionary<TransportAddress, PortUse> _ports = [];

    /// <summary>Whether no other machine uses the address.</summary>
    public bool CanUse(SimulatedMachine machine, TransportAddress local)
    {
        if (_ports.TryGetValue(local, out var use)) return use.Owner == machine;
        if (!local.IsUnspecified) return !_ports.TryGetValue(AnyAt(local), out use) || use.Owner == machine;
        foreach (var (address, other) in _ports)
        {
            if (address.Port == local.Port && address.IsIPv6 == local.IsIPv6 && other.Owner != machine) return false;
        }

        return true;
    }

    /// <summary>Binds a listener. One that is not shared wants its port for itself.</summary>
    public bool TryListen(SimulatedMachine machine, SocketRequest.TcpListen request, out TcpListenSocket listener, out SocketFailure failure)
    {
        listener = null!;
        var local = request.Local;
        failure = SocketFailure.AddressGone;
        if (!local.IsUnspecified && !host.HasAddress(local)) return false;
        failure = SocketFailure.InUse;
        if (local.Port == 0) local = local.WithPort(FreePort(local));
        else if (_listeners.ContainsKey(local) || !CanUse(machine, local) || (!request.Shared && _ports.ContainsKey(local))) return false;
        listener = new TcpListenSocket(machine, request.Socket, local, request.Shared);
        _listeners.Add(local, listener);
        Use(machine, local);
        return true;
    }

    public void Unlisten(TcpListenSocket listener)
    {
        _listeners.Remove(listener.Local);
        Release(listener.Local);
    }

    public bool IsListening(TcpListenSocket listener) => _listeners.TryGetValue(listener.Local, out var found) && found == listener;

    /// <summary>Makes a connection attempt.</summary>
    public bool TryConnect(SimulatedMachine machine, SocketRequest.TcpConnect request, out SimulatedConnection connection, out SocketFailure failure)
    {
        connection = null!;
        var local = request.Local;
        failure = SocketFailure.AddressGone;
        if (!local.IsUnspecified && !host.HasAddress(local)) return false;
        failure = SocketFailure.Unreachable;
        if (local.IsUnspecified) local = host.Primary(request.Remote.IsIPv6).WithPort(local.Port);
        if (local.IsUnspecified || local.IsIPv6 != request.Remote.IsIPv6) return false;
        failure = SocketFailure.InUse;
        if (local.Port == 0) local = local.WithPort(FreePort(local));
        if (!CanUse(machine, local) || FindListener(local) is { Shared: false }) return false;
        if (_connections.ContainsKey(new FlowKey(local, request.Remote)) && request.NotBefore <= host.Simulation.Now) return false;
        connection = new SimulatedConnection(host, machine, request.Socket, local, request.Remote);
        Use(machine, local);
        return true;
    }

    /// <summary>A segment or an ICMP error has arrived.</summary>
    public void Receive(Instant now, SimulatedPacket packet)
    {
        if (_connections.TryGetValue(new FlowKey(packet.Destination, packet.Source), out var connection))
        {
            if (packet.Error == PacketError.None) connection.Receive(now, packet);
            else connection.HandleError(packet.Tcp.Sequence, packet.Error);
        }
        else if (packet.Error == PacketError.None && packet.Flow.IsSyn && FindListener(packet.Destination) is { } listener)
        {
            connection = new SimulatedConnection(host, listener, packet.Destination, packet.Source);
            TryAdd(connection);
            Use(listener.Machine, packet.Destination);
            connection.Answer(now, packet.Tcp.Sequence);
        }
        else if (packet.Error == PacketError.None && !packet.Tcp.Bits.HasFlag(TcpBits.Reset))
        {
            host.SendSegment(packet.Destination, packet.Source, packet.Tcp.ToReset(), []);
        }
    }

    /// <summary>Takes the 4-tuple of a connection.</summary>
    /// <returns>False when another connection has it.</returns>
    public bool TryAdd(SimulatedConnection connection) => _connections.TryAdd(new FlowKey(connection.Local, connection.Remote), connection);

    /// <summary>A connection has ended; its 4-tuple is free.</summary>
    public void Remove(SimulatedConnection connection)
    {
        var key = new FlowKey(connection.Local, connection.Remote);
        if (_connections.TryGetValue(key, out var found) && found == connection) _connections.Remove(key);
    }

    /// <summary>A machine has given a local address up once.</summary>
    public void Release(TransportAddress local)
    {
        ref var use = ref CollectionsMarshal.GetValueRefOrNullRef(_ports, local);
        if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref use)) return;
        if (--use.Count == 0) _ports.Remove(local);
    }

    /// <summary>Everything is gone, without a word.</summary>
    public void Clear()
    {
        foreach (var connection in _connections.Values.ToArray()) connection.Vanish();
        _connections.Clear();
        _listeners.Clear();
        _ports.Clear();
    }

    private static TransportAddress AnyAt(TransportAddress local) =>
        (local.IsIPv6 ? SimulatedHost.AnyIPv6 : SimulatedHost.AnyIPv4).WithPort(local.Port);

    private TcpListenSocket? FindListener(TransportAddress local) =>
        _listeners.TryGetValue(local, out var listener) || _listeners.TryGetValue(AnyAt(local), out listener) ? listener : null;

    private void Use(SimulatedMachine machine, TransportAddress local)
    {
        ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(_ports, local, out _);
        use.Owner = machine;
        use.Count++;
    }

    private ushort FreePort(TransportAddress local)
    {
        ushort port;
        do port = (ushort)host.Simulation.Chance.NextInt32(SimulatedHost.FirstEphemeralPort, SimulatedHost.LastEphemeralPort + 1);
        while (_ports.ContainsKey(local.WithPort(port)) || _ports.ContainsKey(AnyAt(local.WithPort(port))));
        return port;
    }
}
