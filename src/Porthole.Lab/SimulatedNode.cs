using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A host or a router: what hangs on a network by a link.</summary>
public abstract class SimulatedNode : ISimulationTarget
{
    private protected SimulatedNode(SimulatedNetwork network, string name, LinkOptions? link)
    {
        Network = network;
        Simulation = network.Simulation;
        Name = name;
        Link = new Link(link);
        AtLink = new LinkEnd(this);
    }

    /// <summary>Its name in traces.</summary>
    public string Name { get; }

    /// <summary>The network it hangs on; of a router, the outer one.</summary>
    public SimulatedNetwork Network { get; private protected set; }

    /// <summary>The link to that network.</summary>
    public Link Link { get; }

    internal Simulation Simulation { get; }

    internal ISimulationTarget AtLink { get; }

    void ISimulationTarget.Happen(Instant now, SimulatedPacket? packet) => Receive(now, packet!);

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>A packet has come down the link.</summary>
    internal abstract void Receive(Instant now, SimulatedPacket packet);

    /// <summary>Whether packets to a host behind (or at) this node come through it.</summary>
    internal bool LeadsTo(SimulatedHost host)
    {
        for (SimulatedNode? node = host; node is not null; node = node.Network.Gateway)
        {
            if (node == this) return true;
        }

        return false;
    }

    /// <summary>A packet that has reached the network's end of a link whose state depends on the order of arrivals.</summary>
    private sealed class LinkEnd(SimulatedNode node) : ISimulationTarget
    {
        public void Happen(Instant now, SimulatedPacket? packet) => node.Network.Descend(now, node, packet!);
    }
}
