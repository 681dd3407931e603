using System.Net;

namespace Porthole.Forwarding;

/// <summary>One flow of UDP datagrams at a forwarder.</summary>
/// <param name="id">Its number for the observer.</param>
/// <param name="number">Its number for the sharer.</param>
/// <param name="client">Who sends.</param>
/// <param name="connection">The connection that it began on.</param>
internal sealed class ForwardedFlow(long id, uint number, SocketAddress client, PeerConnection connection)
{
    private long _toPeer;
    private long _fromPeer;
    private ushort _lastNumber;

    public long Id => id;

    public uint Number => number;

    public SocketAddress Client => client;

    public PeerConnection Connection => connection;

    public long BytesToPeer => Interlocked.Read(ref _toPeer);

    public long BytesFromPeer => Interlocked.Read(ref _fromPeer);

    /// <summary>The number of the next datagram; under the owner's lock.</summary>
    public ushort NextNumber() => _lastNumber++;

    public void Count(int toPeer = 0, int fromPeer = 0)
    {
        Interlocked.Add(ref _toPeer, toPeer);
        Interlocked.Add(ref _fromPeer, fromPeer);
    }
}
