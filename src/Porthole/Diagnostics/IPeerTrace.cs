using Porthole.Protocol.Peer;

namespace Porthole.Diagnostics;

/// <summary>
/// Is shown how a node's connections are made, packet by packet: for tools that draw or record it (<see cref="PeerOptions.Trace"/>). Any thread may call it,
/// several at once, and nothing in it may wait. What sessions carry is never shown, nor is a key.
/// </summary>
public interface IPeerTrace
{
    /// <summary>A control packet was sent or has arrived: a STUN message, a question to a gateway, a message to or from the server.</summary>
    /// <param name="packet">The packet; its bytes are borrowed until the call returns.</param>
    void OnPacket(in TracedPacket packet);

    /// <summary>A TCP connection, other than the one to the server, took a step.</summary>
    /// <param name="connection">The connection and the step.</param>
    void OnConnection(TracedConnection connection);

    /// <summary>The machine tells something, before the library acts on it.</summary>
    /// <param name="happened">What.</param>
    void OnEvent(PeerEvent happened);
}
