namespace Porthole.Protocol.Peer;

/// <summary>A packet of a method that waits to be written.</summary>
/// <param name="Socket">The socket it goes from.</param>
/// <param name="Remote">Where to.</param>
/// <param name="Asker">The fresh socket that asks a STUN server; null for a check that is sent on a guess.</param>
/// <param name="HopLimit">Its hop limit; 0 is the socket's own.</param>
internal readonly record struct UdpShot(SocketId Socket, TransportAddress Remote, FreshSocket? Asker, int HopLimit);
