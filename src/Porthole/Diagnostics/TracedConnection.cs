using Porthole.Protocol;

namespace Porthole.Diagnostics;

/// <summary>A step of a TCP connection.</summary>
public enum ConnectionStep
{
    /// <summary>It is being tried from here.</summary>
    Tried,

    /// <summary>It stands: the other side has answered, or tried at the same moment.</summary>
    Opened,

    /// <summary>The other side has made it.</summary>
    Accepted,

    /// <summary>It could not be had, or is lost.</summary>
    Failed,
}

/// <summary>A step of a TCP connection other than the one to the server.</summary>
/// <param name="Step">What happened.</param>
/// <param name="Local">The local address.</param>
/// <param name="Remote">The other end.</param>
/// <param name="Failure">Why it failed; null for the other steps.</param>
public sealed record TracedConnection(ConnectionStep Step, TransportAddress Local, TransportAddress Remote, SocketFailure? Failure = null);
