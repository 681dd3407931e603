using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>A socket of any kind as a driver uses it: it takes whole datagrams or messages, and reports through an <see cref="ISocketInbox"/>.</summary>
public interface INetworkSocket
{
    /// <summary>The number the machine knows it by.</summary>
    SocketId Id { get; }

    /// <summary>
    /// Whether too much waits to be sent: the machine should write nothing more. A driver asks after each send and at each <see cref="SocketEvent.Congested"/>
    /// and <see cref="SocketEvent.Writable"/>, for an event alone comes behind all that was queued before it.
    /// </summary>
    bool IsCongested => false;

    /// <summary>Completes when the system's resources are released: the descriptor is closed and no thread or loop of the socket runs.</summary>
    Task Closed { get; }

    /// <summary>
    /// Sends datagrams of equal size (the last may be shorter) to one destination. Called by one thread at a time. What cannot be sent is lost, as on
    /// the network; a connection that broke says so by a <see cref="SocketEvent.Failed"/>.
    /// </summary>
    /// <param name="remote">Where to; ignored by connections.</param>
    /// <param name="bytes">All segments, one after the other; borrowed until the call returns.</param>
    /// <param name="segmentSize">The size of every segment but the last, in bytes.</param>
    /// <param name="hopLimit">The IP hop limit (time to live) of these datagrams, 1 to 255; 0 is the socket's own. Ignored by connections.</param>
    void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0);

    /// <summary>Starts to close the socket and returns at once. No event follows, and a second call does nothing.</summary>
    /// <param name="abortive">Whether a connection is reset, instead of sending what it still has and ending in order.</param>
    void Close(bool abortive);
}
