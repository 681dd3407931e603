using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A TCP listener of a machine.</summary>
internal sealed record TcpListenSocket(SimulatedMachine Machine, SocketId Id, TransportAddress Local, bool Shared);
