using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>What stands for a socket that could not be opened: it takes everything and does nothing.</summary>
internal sealed class FailedSocket : INetworkSocket
{
    private FailedSocket(SocketId id) => Id = id;

    public SocketId Id { get; }

    public Task Closed => Task.CompletedTask;

    public static FailedSocket Report(SocketId id, SocketFailure reason, string detail, ISocketInbox inbox)
    {
        inbox.Deliver(new SocketEvent.Failed(id, reason, detail));
        return new FailedSocket(id);
    }

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
    }

    public void Close(bool abortive)
    {
    }
}
