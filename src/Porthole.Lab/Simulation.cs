using System.Collections.Immutable;
using System.Net;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>
/// An internet in one thread: hosts, NATs, links, TCP and main connections in virtual time. Everything that happens follows from the seed and from what
/// the machines do, so that a run can be repeated exactly.
/// </summary>
public sealed class Simulation
{
    [ThreadStatic]
    private static byte[]? s_scratch;

    private readonly EventQueue _events = new();
    private readonly ulong _seed;
    private readonly Dictionary<string, IPAddress> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<ConnectionListener> _listeners = [];
    private ImmutableArray<NetworkCut> _cuts = [];
    private ulong _streams;
    private long _packets;

    /// <summary>Creates an empty internet.</summary>
    /// <param name="seed">Decides everything that chance decides.</param>
    public Simulation(ulong seed)
    {
        _seed = seed;
        Chance = CreateEntropy();
        Internet = new SimulatedNetwork(this, "the internet", gateway: null);
    }

    /// <summary>The virtual time.</summary>
    public Instant Now { get; private set; }

    /// <summary>The virtual time since the start.</summary>
    public TimeSpan Elapsed => Now - Instant.Zero;

    /// <summary>The network of all public addresses.</summary>
    public SimulatedNetwork Internet { get; }

    /// <summary>Where packets are recorded; null for nowhere.</summary>
    public PacketTrace? Trace { get; set; }

    /// <summary>When the next event is; <see cref="Instant.Never"/> when none is to come. For who runs the simulation beside a real clock.</summary>
    public Instant NextEventAt => _events.NextAt;

    /// <summary>How many events have happened.</summary>
    public long EventCount { get; private set; }

    internal EntropySource Chance { get; }

    /// <summary>Room for one batch of a machine.</summary>
    internal static Span<byte> Scratch => s_scratch ??= GC.AllocateUninitializedArray<byte>(DatagramBatchWriter.MaxBytes);

    /// <summary>A source of chance that follows from the seed and from how many were created before.</summary>
    public SeededEntropy CreateEntropy() => SeededEntropy.ForStream(_seed, ++_streams);

    /// <summary>Gives a host name to an address, for the URIs of servers.</summary>
    public void AddName(string name, string address) => _names[name] = IPAddress.Parse(address);

    /// <summary>Does something at a time; at once when that has passed.</summary>
    public void Schedule(Instant at, Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        _events.Add(Instant.Max(at, Now), new ScheduledAction(action));
    }

    /// <summary>Runs until something is the case.</summary>
    /// <param name="condition">Asked before the first event and after each.</param>
    /// <param name="limit">How much virtual time may pass.</param>
    /// <returns>Whether it came to be the case; false when the time is over.</returns>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var end = Now + limit;
        while (!condition())
        {
            if (Step(end)) continue;
            Now = end;
            return false;
        }

        return true;
    }

    /// <summary>Runs for a while of virtual time.</summary>
    public void RunFor(TimeSpan duration)
    {
        var end = Now + duration;
        while (Step(end))
        {
            // Each step is one event.
        }

        Now = end;
    }

    /// <summary>
    /// Cuts the direct paths between two hosts: no packet passes from one to the other, whatever way it goes. Main connections pass.
    /// </summary>
    /// <param name="first">One host.</param>
    /// <param name="second">The other.</param>
    /// <param name="protocol">The protocol that is cut; null for all.</param>
    /// <remarks>Where a host shares a NAT with others, packets to that NAT count as packets to the host.</remarks>
    public NetworkCut CutDirect(SimulatedHost first, SimulatedHost second, NatProtocol? protocol = null)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return Add(new NetworkCut(this, first, second, protocol));
    }

    /// <summary>Cuts what a predicate says, asked for every packet on every network that it crosses.</summary>
    /// <param name="drops">The host that sent it, and source and destination as that network sees them.</param>
    public NetworkCut Cut(Func<SimulatedHost, TransportAddress, TransportAddress, bool> drops)
    {
        ArgumentNullException.ThrowIfNull(drops);
        return Add(new NetworkCut(this, drops));
    }

    internal void Schedule(Instant at, ISimulationTarget target, SimulatedPacket? packet = null) => _events.Add(at, target, packet);

    internal void Heal(NetworkCut cut) => _cuts = _cuts.Remove(cut);

    internal bool IsCut(SimulatedPacket packet, SimulatedNode next)
    {
        foreach (var cut in _cuts)
        {
            if (cut.Drops(packet, next)) return true;
        }

        return false;
    }

    internal SimulatedPacket CreatePacket(
        SimulatedHost origin, TransportAddress source, TransportAddress destination, int timeToLive, ReadOnlySpan<byte> bytes) =>
        SimulatedPacket.Rent(++_packets, origin, source, destination, timeToLive, bytes);

    /// <summary>Puts a packet on one direction of a node's link; ends it where that drops it.</summary>
    internal bool TryCross(Instant at, SimulatedPacket packet, SimulatedNode node, LinkDirection direction, out Instant arrival)
    {
        PacketDrop drop;
        if (!node.Link.IsUp) (drop, arrival) = (PacketDrop.LinkDown, at);
        else if (node.Link.BlocksUdp && packet.Protocol == NatProtocol.Udp) (drop, arrival) = (PacketDrop.UdpBlocked, at);
        else if (direction.TryCross(Chance, at, packet.Length, packet.Protocol, out arrival, out drop))
        {
            if (direction.Options.Duplication > 0 && Chance.NextDouble(0, 1) < direction.Options.Duplication) Duplicate(at, packet, node, direction);
            return true;
        }

        Drop(at, packet, node.Name, drop);
        return false;
    }

    internal void Drop(Instant at, SimulatedPacket packet, string place, PacketDrop drop, NatDropReason reason = NatDropReason.None)
    {
        packet.Origin.Traffic.Dropped++;
        Record(at, packet, TraceStep.Dropped, place, drop, reason);
        packet.Return();
    }

    internal void Record(
        Instant at,
        SimulatedPacket packet,
        TraceStep step,
        string place,
        PacketDrop drop = PacketDrop.None,
        NatDropReason reason = NatDropReason.None)
    {
        if (Trace is null) return;
        var flow = packet.Flow;
        Trace.Add(new PacketTraceEntry(at, packet.Id, step, place, flow, flow, packet.Length, packet.Kind, drop, reason), packet.Bytes);
    }

    internal bool TryResolve(string host, out IPAddress address) =>
        IPAddress.TryParse(host.Trim('[', ']'), out address!) || _names.TryGetValue(host, out address!);

    internal ConnectionListener? FindListener(SimulatedHost host, ushort port) =>
        _listeners.Find(listener => listener.Machine.Host == host && listener.Port == port);

    internal bool TryAddListener(ConnectionListener listener)
    {
        if (FindListener(listener.Machine.Host, listener.Port) is not null) return false;
        _listeners.Add(listener);
        return true;
    }

    internal void RemoveListener(ConnectionListener listener) => _listeners.Remove(listener);

    private NetworkCut Add(NetworkCut cut)
    {
        _cuts = _cuts.Add(cut);
        return cut;
    }

    // The second copy takes its own time, and is not copied again.
    private void Duplicate(Instant at, SimulatedPacket packet, SimulatedNode node, LinkDirection direction)
    {
        if (!direction.TryCross(Chance, at, packet.Length, packet.Protocol, out var arrival, out _)) return;
        var copy = packet.Copy();
        if (direction == node.Link.DownDirection) Schedule(arrival, node, copy);
        else node.Network.Forward(arrival, copy);
    }

    private bool Step(Instant end)
    {
        if (_events.Count == 0 || _events.NextAt > end) return false;
        Now = _events.Take(out var target, out var packet);
        EventCount++;
        target.Happen(Now, packet);
        return true;
    }

    private sealed class ScheduledAction(Action action) : ISimulationTarget
    {
        public void Happen(Instant now, SimulatedPacket? packet) => action();
    }
}
