namespace Porthole;

/// <summary>What a <see cref="PeerRedialer"/> tells.</summary>
public abstract record PeerRedialerEvent
{
    private PeerRedialerEvent()
    {
    }

    /// <summary>A connection stands: the first, or the next.</summary>
    /// <param name="Connection">The connection.</param>
    public sealed record Found(PeerConnection Connection) : PeerRedialerEvent;

    /// <summary>The connection is over; the next is dialled.</summary>
    /// <param name="Connection">The connection.</param>
    /// <param name="End">How it ended.</param>
    public sealed record Lost(PeerConnection Connection, ConnectionEnd End) : PeerRedialerEvent;

    /// <summary>An attempt failed; there will be another.</summary>
    /// <param name="Reason">Why it failed.</param>
    /// <param name="Pause">How long until the next; zero where the connection that could not be replaced is kept.</param>
    public sealed record Failed(PeerException Reason, TimeSpan Pause) : PeerRedialerEvent;

    /// <summary>There will be no other attempt: the peer refuses, its key has changed, and the like.</summary>
    /// <param name="Reason">Why.</param>
    public sealed record Ended(PeerException Reason) : PeerRedialerEvent;
}
