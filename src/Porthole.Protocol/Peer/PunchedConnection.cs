namespace Porthole.Protocol.Peer;

/// <summary>A TCP connection at a punching port, made or accepted.</summary>
internal abstract class PunchedConnection(SocketId socket, TransportAddress local, TransportAddress remote)
{
    /// <summary>The longest message that is kept: a check has about 120 bytes, and strangers fill no memory.</summary>
    private const int MaxMessage = 256;

    public SocketId Socket { get; } = socket;

    public TransportAddress Local { get; } = local;

    public TransportAddress Remote { get; } = remote;

    /// <summary>Its newest STUN message that nobody took; empty when there was none.</summary>
    public ReadOnlyMemory<byte> Message { get; private set; }

    /// <summary>
    /// Keeps a message that nobody takes: over TCP it will not come again (RFC 8489 section 6.2.2), and the session or the credentials that it is for may be on
    /// their way.
    /// </summary>
    public void Keep(ReadOnlySpan<byte> message)
    {
        if (message.Length <= MaxMessage) Message = message.ToArray();
    }
}
