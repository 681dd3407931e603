using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A bound UDP socket.</summary>
internal sealed class SimulatedSocket(SocketId id, SimulatedMachine machine, TransportAddress local, int? timeToLive)
{
    /// <summary>What systems send with by default (RFC 1700; Linux and macOS: 64).</summary>
    internal const int DefaultTimeToLive = 64;

    public SocketId Id { get; } = id;

    public SimulatedMachine Machine { get; } = machine;

    public TransportAddress Local { get; } = local;

    public int TimeToLive { get; } = timeToLive ?? DefaultTimeToLive;
}
