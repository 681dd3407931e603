using System.Collections.Immutable;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Forwarding;

/// <summary>A port that peers may reach through this one.</summary>
/// <param name="Target">The port; peers ask for it in exactly these words.</param>
public sealed record SharedPort(ForwardTarget Target)
{
    /// <summary>The peers that may reach it; empty for all whose connections are taken.</summary>
    public ImmutableArray<PeerTarget> Peers { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Whether a peer may reach it. A name counts only where something vouches for it; an id counts always, for it is proved.</summary>
    internal bool IsFor(PeerConnection connection) => Peers.IsEmpty || Peers.Any(peer => Is(connection, peer));

    private static bool Is(PeerConnection connection, PeerTarget peer) => peer.Id is { } id
        ? connection.RemotePeerId == id
        : connection.IsAuthenticated && connection.RemoteName is { } name && string.Equals(name, peer.Name, StringComparison.OrdinalIgnoreCase);
}
