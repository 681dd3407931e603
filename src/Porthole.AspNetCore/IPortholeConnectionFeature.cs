using Porthole.Protocol;

namespace Porthole.AspNetCore;

/// <summary>Who calls: a feature of every request that came over a peer connection. <c>HttpContext.GetPeer()</c> gives it.</summary>
public interface IPortholeConnectionFeature
{
    /// <summary>The connection to the peer: its path, its verdict, its other streams and datagrams.</summary>
    PeerConnection Connection { get; }

    /// <summary>The stream that carries the request.</summary>
    PeerStream Stream { get; }

    /// <summary>The caller's id, which it has proved by its key. This is what to decide by.</summary>
    PeerId PeerId { get; }

    /// <summary>The caller's name, as the server says; null for none. A name is the server's word, an id is not.</summary>
    string? Name { get; }
}
