namespace Porthole.Protocol.PortMapping;

/// <summary>A local port that shall be reached from outside.</summary>
/// <param name="Local">The address and port.</param>
/// <param name="Transport">UDP or TCP, one of the two.</param>
internal readonly record struct PortWish(TransportAddress Local, Transports Transport);
