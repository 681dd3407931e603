using Porthole.Protocol;

namespace Porthole.Runtime;

/// <summary>What a stream needs of its connection.</summary>
internal interface IStreamOwner
{
    /// <summary>How messages name the peer.</summary>
    string RemoteLabel { get; }

    /// <summary>What kind of path carries the bytes now.</summary>
    PathKind PathKind { get; }

    /// <summary>Tells the machine that the program used a stream.</summary>
    void PostActivity(PeerStream stream);

    /// <summary>
    /// What whoever uses a stream of a session that is over is told. A stream sees that end before the connection says what it was: that is waited for.
    /// </summary>
    Task<PeerException> EndAsync(CancellationToken cancellationToken);
}
