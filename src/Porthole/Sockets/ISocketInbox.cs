using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>Where sockets put what happens to them. Any thread may call it, at any time; nothing in it waits.</summary>
public interface ISocketInbox
{
    /// <summary>Takes datagrams of one socket. The receiver calls <see cref="ReceiveBatch.Release"/> when it is done, exactly once.</summary>
    void Deliver(ReceiveBatch batch);

    /// <summary>Takes what became of a socket.</summary>
    void Deliver(SocketEvent socketEvent);
}
