namespace Porthole.Protocol.Peer;

/// <summary>The path that a connection uses.</summary>
/// <param name="Kind">What it is made of.</param>
/// <param name="Local">The local address; null on the relay.</param>
/// <param name="Remote">The peer's address; null on the relay.</param>
/// <param name="RoundTrip">The round trip when the path was proved; null when it is not known yet.</param>
public sealed record ConnectionPath(PathKind Kind, TransportAddress? Local, TransportAddress? Remote, TimeSpan? RoundTrip)
{
    /// <summary>Whether the bytes go from peer to peer without a server.</summary>
    public bool IsDirect => Kind is PathKind.Udp or PathKind.Tcp;
}
