namespace Porthole.Protocol.Discovery;

/// <summary>What one socket looks like from outside.</summary>
/// <param name="Socket">The socket.</param>
/// <param name="Local">The address it is bound to: the base of the reflexive candidate.</param>
/// <param name="Mapped">The address that <paramref name="Server"/> saw.</param>
/// <param name="Server">The server that was asked.</param>
/// <param name="Proof">The token that proves the mapped address to the rendezvous server; empty if the server gave none.</param>
/// <param name="Mapping">The mapping behaviour seen from this socket.</param>
/// <param name="RoundTripTime">To the server and back; null if no answer was clean enough to tell.</param>
public sealed record LocalMapping(
    SocketId Socket,
    TransportAddress Local,
    TransportAddress Mapped,
    TransportAddress Server,
    ReadOnlyMemory<byte> Proof,
    NatMapping Mapping,
    TimeSpan? RoundTripTime)
{
    /// <summary>Whether a NAT stands between: the mapped address is not the local one.</summary>
    public bool IsTranslated => Mapped != Local;
}
