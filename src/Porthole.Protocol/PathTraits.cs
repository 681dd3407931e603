namespace Porthole.Protocol;

/// <summary>What a path is made of.</summary>
public enum PathKind
{
    /// <summary>Through the rendezvous server, over both main connections.</summary>
    Relay,

    /// <summary>UDP, peer to peer.</summary>
    Udp,

    /// <summary>TCP, peer to peer.</summary>
    Tcp,

    /// <summary>Through a TURN server (RFC 8656).</summary>
    Turn,
}

/// <summary>What a session must know of a path before it uses it.</summary>
/// <param name="Kind">What the path is made of.</param>
/// <param name="Reliable">Whether the path keeps order and loses nothing but in its queues (TCP, relay): no packet-threshold loss, credit from the socket.</param>
/// <param name="MaxDatagram">The largest packet the path takes, in bytes; what a UDP path really carries is found by padding.</param>
public readonly record struct PathTraits(PathKind Kind, bool Reliable, int MaxDatagram)
{
    /// <summary>The size that a UDP path must carry both ways to count as a full path (RFC 9000 section 14).</summary>
    public const int FullDatagram = 1_200;

    /// <summary>What always fits: the smallest packet limit that a session is ever given.</summary>
    public const int SmallestDatagram = 1_100;

    /// <summary>The largest packet on a reliable path: large enough to spare seals, small enough to share the queue fairly.</summary>
    public const int ReliableDatagram = 16_000;

    /// <summary>The relay of the main connection.</summary>
    public static PathTraits Relay { get; } = new(PathKind.Relay, Reliable: true, ReliableDatagram);

    /// <summary>A direct UDP path.</summary>
    public static PathTraits Udp { get; } = new(PathKind.Udp, Reliable: false, FullDatagram);

    /// <summary>A direct TCP path.</summary>
    public static PathTraits Tcp { get; } = new(PathKind.Tcp, Reliable: true, ReliableDatagram);
}
