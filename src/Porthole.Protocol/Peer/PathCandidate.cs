using Porthole.Protocol.Ice;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>One path of a session, as its link keeps it.</summary>
internal sealed class PathCandidate(PathId id, PathKind kind, SocketId socket, TransportAddress local, TransportAddress remote)
{
    public PathId Id { get; } = id;

    public PathKind Kind { get; } = kind;

    public SocketId Socket { get; } = socket;

    public TransportAddress Local { get; } = local;

    public TransportAddress Remote { get; } = remote;

    /// <summary>The pair on which checks went both ways under the present credentials; null while there is none. Only a pair may be proved.</summary>
    public CandidatePair? Pair { get; set; }

    /// <summary>The method that found it first; null while there was no pair.</summary>
    public PunchMethod? Method { get; set; }

    /// <summary>Whether checks went both ways.</summary>
    public bool IsPairValid => Pair is not null;

    /// <summary>Whether sealed packets went both ways; always so on the relay.</summary>
    public bool IsProved { get; set; } = kind == PathKind.Relay;

    /// <summary>The round trip of a proof that came before the checks were through; null when there is none. It counts as soon as they are.</summary>
    public TimeSpan? EarlyProof { get; set; }

    /// <summary>Whether the proof was asked for before the checks were through, and is under way.</summary>
    public bool IsAskedEarly { get; set; }

    /// <summary>Whether data went unanswered on it.</summary>
    public bool IsDead { get; set; }

    /// <summary>Whether its socket is about to be closed: the session moves to another direct path as soon as there is one.</summary>
    public bool IsRetiring { get; set; }

    /// <summary>
    /// The round trip of the proof; long where it is not known. That of the path in use grows with its queues, which the proof of another path may stand in
    /// as well: between two transports it is kept up to date.
    /// </summary>
    public TimeSpan RoundTrip { get; set; } = TimeSpan.FromSeconds(10);

    public bool IsDirect => Kind is PathKind.Udp or PathKind.Tcp;

    public bool IsUsable => IsProved && !IsDead;

    public ConnectionPath ToPublic() => Kind == PathKind.Relay
        ? new ConnectionPath(Kind, null, null, null)
        : new ConnectionPath(Kind, Local, Remote, IsProved ? RoundTrip : null);
}
