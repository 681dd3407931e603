using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>Something that an event of the simulation happens to.</summary>
internal interface ISimulationTarget
{
    /// <summary>The event: the arrival of a packet, or without one the end of a wait.</summary>
    void Happen(Instant now, SimulatedPacket? packet);
}
