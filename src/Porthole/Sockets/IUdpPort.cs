using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>A bound UDP descriptor: the portable one, or the fast one of a particular system.</summary>
internal interface IUdpPort
{
    /// <summary>The address it is bound to.</summary>
    TransportAddress Local { get; }

    /// <summary>The buffer a batch needs, in bytes.</summary>
    int BatchBufferSize { get; }

    /// <summary>The datagrams a batch must have room for.</summary>
    int BatchCapacity { get; }

    /// <summary>Waits for datagrams and takes as many as are there. One thread calls it.</summary>
    /// <returns>False when the port is shut.</returns>
    bool Receive(ReceiveBatch batch, SocketId socket);

    /// <summary>Sends. One thread calls it; errors are losses.</summary>
    /// <param name="remote">Where to.</param>
    /// <param name="bytes">All segments, one after the other.</param>
    /// <param name="segmentSize">The size of every segment but the last, in bytes.</param>
    /// <param name="hopLimit">The hop limit of these datagrams and no others; 0 is the socket's own. Where it cannot be kept, nothing is sent.</param>
    void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit);

    /// <summary>Wakes the receiving thread, which then finds the port shut. Any thread may call it.</summary>
    void Shut();

    /// <summary>Releases the descriptor, after the receiving thread has left.</summary>
    void Dispose();
}
