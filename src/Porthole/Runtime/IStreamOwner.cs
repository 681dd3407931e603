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

    /// <summary>What whoever waits is told when the connection is over.</summary>
    PeerException EndException();
}
