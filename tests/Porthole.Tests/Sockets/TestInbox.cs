using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>What every inbox of the tests has; on its own it takes no connections.</summary>
internal abstract class TestInbox : ISocketInbox
{
    private int _lastAccepted;

    public InstantClock Clock { get; init; } = new(TimeProvider.System);

    public SocketId NextAcceptedId() => new(Interlocked.Decrement(ref _lastAccepted));

    public virtual bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote) => false;

    public abstract void Deliver(ReceiveBatch batch);

    public abstract void Deliver(SocketEvent socketEvent);
}
