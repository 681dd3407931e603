using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>Finds where a relay frame goes.</summary>
/// <param name="connection">The main connection that it came in on.</param>
/// <param name="frame">The whole message.</param>
/// <param name="receiver">The main connection that it goes out on.</param>
/// <returns>False when it goes nowhere: it is dropped.</returns>
public delegate bool RelayRoute(SocketId connection, ReadOnlySpan<byte> frame, out SocketId receiver);
