using Porthole.Lab.Gateway;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A router between an inner and an outer network: a NAT, firewalls for the prefixes it routes, or both.</summary>
public sealed class SimulatedRouter : SimulatedNode
{
    /// <summary>The port of PCP and NAT-PMP (RFC 6887 section 19.1).</summary>
    private const ushort PortControlPort = 5351;

    private readonly long[] _drops = new long[Enum.GetValues<NatDropReason>().Length];
    private readonly List<(AddressPrefix Prefix, IMiddlebox? Firewall)> _routed = [];
    private readonly Departure _departure;

    internal SimulatedRouter(SimulatedNetwork network, string name, IMiddlebox? nat, LinkOptions? link)
        : base(network, name, link)
    {
        Nat = nat;
        Inside = new SimulatedNetwork(network.Simulation, $"{name}'s network", this);
        _departure = new Departure(this);
    }

    /// <summary>The network behind it.</summary>
    public SimulatedNetwork Inside { get; }

    /// <summary>The NAT; null when it only routes.</summary>
    public IMiddlebox? Nat { get; }

    /// <summary>How many packets it dropped for a reason.</summary>
    public long DroppedFor(NatDropReason reason) => _drops[(int)reason];

    /// <summary>
    /// Routes a prefix to the network behind, without translation: IPv6 beside a NAT for IPv4. Every router on the way to it needs the route.
    /// </summary>
    /// <param name="prefix">The addresses of hosts behind it.</param>
    /// <param name="firewall">What is let in; null lets everything in.</param>
    public void Route(string prefix, StatefulFirewall? firewall = null)
    {
        var parsed = AddressPrefix.Parse(prefix);
        _routed.Add((parsed, firewall));
        Inside.AddPrefix(parsed);
        Network.AddRoute(parsed, this);
    }

    /// <summary>Has the router map ports on request, by PCP and NAT-PMP, at an address inside. Hosts behind it are told of it as their gateway.</summary>
    /// <param name="address">The address, such as 192.168.1.1.</param>
    /// <param name="options">What it speaks; null is both, as they should be.</param>
    /// <exception cref="InvalidOperationException">The router has no <see cref="NatTable"/>.</exception>
    public PortControl AddPortControl(string address, GatewayOptions? options = null)
    {
        if (Nat is not NatTable nat) throw new InvalidOperationException("Ports are mapped by a NAT.");
        var host = Inside.AddHost($"{Name}'s gateway", address);
        var socket = new SocketId(1);
        var control = new PortControl(nat, socket, options ?? new GatewayOptions(), Simulation.Now);
        host.Run(control).Bind(socket, host.Addresses[0].WithPort(PortControlPort));
        Inside.PortControl = host.Addresses[0];
        return control;
    }

    /// <summary>A packet from outside.</summary>
    internal override void Receive(Instant now, SimulatedPacket packet)
    {
        if (!PassHop(now, packet)) return;
        if (!TryGetMiddlebox(now, packet, packet.Destination, out var box)) return;
        var before = packet.Flow;
        if (box is null || Apply(now, packet, before, box.TranslateInbound(now, before), fromInside: false)) Inside.Forward(now, packet);
    }

    /// <summary>A packet from inside that is for somebody beyond.</summary>
    internal void Leave(Instant at, SimulatedPacket packet)
    {
        // State is touched when the packet is here, not before.
        if (at > Simulation.Now) Simulation.Schedule(at, _departure, packet);
        else LeaveNow(at, packet);
    }

    private void LeaveNow(Instant now, SimulatedPacket packet)
    {
        if (!PassHop(now, packet)) return;
        if (!TryGetMiddlebox(now, packet, packet.Source, out var box)) return;
        var before = packet.Flow;
        var verdict = box?.TranslateOutbound(now, before) ?? NatVerdict.Forward(before);
        if (box is not null && !Apply(now, packet, before, verdict, fromInside: true)) return;
        if (verdict.Action == NatAction.Hairpin) Inside.Forward(now, packet);
        else if (Simulation.TryCross(now, packet, this, Link.UpDirection, out var arrival)) Network.Forward(arrival, packet);
    }

    private bool Apply(Instant now, SimulatedPacket packet, NatPacket before, NatVerdict verdict, bool fromInside)
    {
        if (!verdict.IsTranslated)
        {
            _drops[(int)verdict.Reason]++;
            if (verdict.IsAnswered) Answer(now, packet, verdict.Action, fromInside);
            Simulation.Drop(now, packet, Name, PacketDrop.Filtered, verdict.Reason);
            return false;
        }

        (packet.Source, packet.Destination) = (verdict.Packet.Source, verdict.Packet.Destination);
        if (Simulation.Trace is null) return true;
        var step = verdict.Action == NatAction.Hairpin ? TraceStep.Hairpinned : TraceStep.Translated;
        var entry = new PacketTraceEntry(
            now, packet.Id, step, Name, verdict.Packet, before, packet.Length, packet.Kind, PacketDrop.None, NatDropReason.None);
        Simulation.Trace.Add(entry, packet.Bytes);
        return true;
    }

    // In the name of the packet's destination, as if that had answered.
    private void Answer(Instant now, SimulatedPacket packet, NatAction action, bool fromInside)
    {
        var answer = Simulation.CreatePacket(
            packet.Origin, packet.Destination, packet.Source, SimulatedSocket.DefaultTimeToLive, []);
        if (action == NatAction.Reset) answer.MakeSegment(packet.Tcp.ToReset());
        else answer.MakeError(packet, action == NatAction.PortUnreachable ? PacketError.PortUnreachable : PacketError.Prohibited);
        Simulation.Record(now, answer, TraceStep.Sent, Name);
        if (fromInside) Inside.Forward(now, answer);
        else if (Simulation.TryCross(now, answer, this, Link.UpDirection, out var arrival)) Network.Forward(arrival, answer);
    }

    private bool PassHop(Instant now, SimulatedPacket packet)
    {
        if (--packet.TimeToLive > 0) return true;
        Simulation.Drop(now, packet, Name, PacketDrop.TimeToLiveExpired);
        return false;
    }

    private bool TryGetMiddlebox(Instant now, SimulatedPacket packet, TransportAddress inside, out IMiddlebox? box)
    {
        box = Nat;
        foreach (var (prefix, firewall) in _routed)
        {
            if (!prefix.Contains(inside)) continue;
            box = firewall;
            return true;
        }

        if (box is not null) return true;
        Simulation.Drop(now, packet, Name, PacketDrop.NoRoute);
        return false;
    }

    private sealed class Departure(SimulatedRouter router) : ISimulationTarget
    {
        public void Happen(Instant now, SimulatedPacket? packet) => router.LeaveNow(now, packet!);
    }
}
