namespace Porthole.Protocol.Discovery;

/// <summary>One answer: how a socket looked to a server.</summary>
/// <param name="Order">The place of the question among all that were asked: the NAT made its mappings in this order.</param>
/// <param name="IsOrdered">Whether the question was asked only once, so that <paramref name="Order"/> is what the NAT saw.</param>
/// <param name="Local">The socket's address.</param>
/// <param name="Server">Who was asked.</param>
/// <param name="Mapped">What it saw.</param>
/// <param name="IsFresh">Whether nothing had left the socket before this round, so that all its mappings are new.</param>
internal readonly record struct NatObservation(
    int Order, bool IsOrdered, TransportAddress Local, TransportAddress Server, TransportAddress Mapped, bool IsFresh = true);
