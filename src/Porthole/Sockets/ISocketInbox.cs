using Porthole.Protocol;
using Porthole.Runtime;

namespace Porthole.Sockets;

/// <summary>Where sockets put what happens to them. Any thread may call it, at any time; nothing in it waits.</summary>
public interface ISocketInbox
{
    /// <summary>The clock of the machine behind it, which moments in requests are of.</summary>
    InstantClock Clock { get; }

    /// <summary>Numbers a connection that was accepted.</summary>
    SocketId NextAcceptedId();

    /// <summary>Takes a connection that was accepted, before anything that the connection itself delivers.</summary>
    /// <param name="listener">The listener's number. The machine may have closed it meanwhile, and then closes what it accepted.</param>
    /// <param name="socket">The connection, numbered by <see cref="NextAcceptedId"/>.</param>
    /// <param name="remote">Who connected.</param>
    /// <returns>False when nobody takes it: the machine has stopped.</returns>
    bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote);

    /// <summary>Takes datagrams of one socket. The receiver calls <see cref="ReceiveBatch.Release"/> when it is done, exactly once.</summary>
    void Deliver(ReceiveBatch batch);

    /// <summary>Takes what became of a socket.</summary>
    void Deliver(SocketEvent socketEvent);
}
