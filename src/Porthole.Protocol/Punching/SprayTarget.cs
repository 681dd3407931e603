namespace Porthole.Protocol.Punching;

/// <summary>One guess of a spray.</summary>
internal sealed class SprayTarget(TransportAddress remote)
{
    public TransportAddress Remote { get; } = remote;

    /// <summary>The socket that is held for it; null when there is none.</summary>
    public SocketId? Socket { get; set; }

    /// <summary>Whether the last attempt ended at once.</summary>
    public bool WasRefused { get; set; }

    public Instant OpenedAt { get; set; }

    public Instant DueAt { get; set; }
}
