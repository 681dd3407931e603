using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A cut in the network that drops some packets until it is healed. Main connections pass.</summary>
public sealed class NetworkCut
{
    private readonly Simulation _simulation;
    private readonly Func<SimulatedHost, TransportAddress, TransportAddress, bool>? _predicate;
    private readonly SimulatedHost? _first;
    private readonly SimulatedHost? _second;
    private readonly NatProtocol? _protocol;

    internal NetworkCut(Simulation simulation, Func<SimulatedHost, TransportAddress, TransportAddress, bool> predicate) =>
        (_simulation, _predicate) = (simulation, predicate);

    internal NetworkCut(Simulation simulation, SimulatedHost first, SimulatedHost second, NatProtocol? protocol) =>
        (_simulation, _first, _second, _protocol) = (simulation, first, second, protocol);

    /// <summary>How many packets it has dropped.</summary>
    public long Dropped { get; private set; }

    /// <summary>Ends the cut.</summary>
    public void Heal() => _simulation.Heal(this);

    internal bool Drops(SimulatedPacket packet, SimulatedNode next)
    {
        if (_protocol is { } protocol && packet.Protocol != protocol) return false;
        bool drops = _predicate is not null
            ? _predicate(packet.Origin, packet.Source, packet.Destination)
            : (packet.Origin == _first && next.LeadsTo(_second!)) || (packet.Origin == _second && next.LeadsTo(_first!));
        if (drops) Dropped++;
        return drops;
    }
}
