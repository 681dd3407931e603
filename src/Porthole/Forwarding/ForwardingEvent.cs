using System.Net;
using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>What happens to what is forwarded, at either end. A UDP flow is told of like a connection.</summary>
/// <param name="Id">The number of the connection or flow, unique in its sharer or forwarder.</param>
/// <param name="Connection">The connection to the peer.</param>
/// <param name="Target">What it goes to, in the sharer's words.</param>
public abstract record ForwardingEvent(long Id, PeerConnection Connection, ForwardTarget Target)
{
    /// <summary>It is connected.</summary>
    /// <param name="Id">Its number.</param>
    /// <param name="Connection">The connection to the peer.</param>
    /// <param name="Target">What it goes to.</param>
    /// <param name="Local">At the forwarder who connected, at the sharer what it is connected to.</param>
    public sealed record Connected(long Id, PeerConnection Connection, ForwardTarget Target, EndPoint? Local) : ForwardingEvent(Id, Connection, Target);

    /// <summary>It is over.</summary>
    /// <param name="Id">Its number.</param>
    /// <param name="Connection">The connection to the peer.</param>
    /// <param name="Target">What it went to.</param>
    /// <param name="BytesToPeer">Bytes that went to the peer.</param>
    /// <param name="BytesFromPeer">Bytes that came from the peer.</param>
    /// <param name="Problem">Why it did not end in order, in words; null if it did.</param>
    public sealed record Closed(long Id, PeerConnection Connection, ForwardTarget Target, long BytesToPeer, long BytesFromPeer, string? Problem) : ForwardingEvent(Id, Connection, Target);

    /// <summary>It did not come to be.</summary>
    /// <param name="Id">Its number.</param>
    /// <param name="Connection">The connection to the peer.</param>
    /// <param name="Target">What it was to go to.</param>
    /// <param name="Status">Why, for programs.</param>
    /// <param name="Reason">Why, in words.</param>
    public sealed record Refused(long Id, PeerConnection Connection, ForwardTarget Target, ForwardStatus Status, string Reason) : ForwardingEvent(Id, Connection, Target);
}
