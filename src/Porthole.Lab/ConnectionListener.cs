using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A machine that takes main connections at a port of its host.</summary>
internal sealed record ConnectionListener(SimulatedMachine Machine, ushort Port, SocketId Id);
