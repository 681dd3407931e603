namespace Porthole.Protocol.Punching;

/// <summary>A local port that attempts go out from.</summary>
internal sealed class PunchPort(SocketId listener, TransportAddress address)
{
    public SocketId Listener { get; } = listener;

    public TransportAddress Address { get; } = address;

    /// <summary>Whether a fresh port was asked for in its place.</summary>
    public bool IsSpent { get; set; }

    /// <summary>Whether a fresh port has taken its place: what is under way goes on, nothing new is attempted.</summary>
    public bool IsReplaced { get; set; }
}
