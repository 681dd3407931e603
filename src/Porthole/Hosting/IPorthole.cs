using Porthole.Protocol.Peer;

namespace Porthole.Hosting;

/// <summary>The node of this program, for services that outlive it: it may not be registered yet, and is started again when it has ended.</summary>
public interface IPorthole
{
    /// <summary>The node; null until it is registered for the first time, and while another is started in place of one that has ended.</summary>
    PeerNode? Node { get; }

    /// <summary>How it stands.</summary>
    PortholeStatus Status { get; }

    /// <summary>Waits for a registered node.</summary>
    /// <exception cref="PeerException"><see cref="PeerError.Closed"/>: there will be none any more; the message says why.</exception>
    ValueTask<PeerNode> GetNodeAsync(CancellationToken cancellationToken = default);

    /// <summary>Makes a handler for an <see cref="HttpClient"/> that reaches peers by name, <c>http://bob.porthole/</c>, over whatever node there is then.</summary>
    SocketsHttpHandler CreateHttpHandler() => Http.PortholeHttpHandler.Create(GetNodeAsync);
}
