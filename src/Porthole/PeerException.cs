using Porthole.Protocol.Peer;

namespace Porthole;

/// <summary>An operation could not be done. <see cref="Error"/> says how to react; the message is one line for a person: what, why, and what to do.</summary>
public sealed class PeerException : IOException
{
    /// <summary>Creates an exception.</summary>
    /// <param name="error">What could not be done.</param>
    /// <param name="message">One line for a person.</param>
    /// <param name="inner">What caused it, if that was an exception.</param>
    public PeerException(PeerError error, string message, Exception? inner = null)
        : base(message, inner) => Error = error;

    /// <summary>What could not be done.</summary>
    public PeerError Error { get; }

    /// <summary>The code with which a peer closed a connection or gave a stream up; null for other errors.</summary>
    public long? Code { get; init; }
}
