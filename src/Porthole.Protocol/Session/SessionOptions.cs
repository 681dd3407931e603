namespace Porthole.Protocol.Session;

/// <summary>What an owner may choose about a session. Everything that both ends must agree on is a constant in <see cref="SessionLimits"/>.</summary>
public sealed record SessionOptions
{
    /// <summary>The defaults.</summary>
    public static SessionOptions Default { get; } = new();

    /// <summary>How long a session lives without a packet from the peer (RFC 9000 section 10.1); at least 1 second, 30 seconds by default.</summary>
    public TimeSpan IdleTimeout
    {
        get;
        init => field = value >= TimeSpan.FromSeconds(1)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "The idle time-out is at least 1 s.");
    } = TimeSpan.FromSeconds(30);

    /// <summary>After how much silence a PING is sent; null (the default) for never. 15 seconds hold a NAT mapping open (RFC 4787 section 4.3: at least 2 minutes, really often 30 s).</summary>
    public TimeSpan? KeepAlive
    {
        get;
        init => field = value is null || value >= TimeSpan.FromMilliseconds(100)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A keepalive is sent at most every 100 ms.");
    }

    /// <summary>How long the handshake may take until the peer has confirmed it; 15 seconds by default.</summary>
    public TimeSpan HandshakeTimeout
    {
        get;
        init => field = value > TimeSpan.Zero
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "The handshake needs time.");
    } = TimeSpan.FromSeconds(15);

    /// <summary>How many streams the peer may have open at once; at least <see cref="SessionLimits.InitialMaxStreams"/>, which both ends start with.</summary>
    public int MaxIncomingStreams
    {
        get;
        init => field = value is >= SessionLimits.InitialMaxStreams and <= 65_536
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"Between {SessionLimits.InitialMaxStreams} and 65536 streams.");
    } = SessionLimits.InitialMaxStreams;

    /// <summary>The most bytes a stream may hold for the reader, and for acknowledgement; 8 MiB carry 1.6 Gbit/s at 40 ms. Memory is taken as it is used.</summary>
    public int MaxStreamWindow
    {
        get;
        init => field = value is >= SessionLimits.InitialMaxStreamData and <= 64 << 20
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"Between {SessionLimits.InitialMaxStreamData} and 64 MiB.");
    } = 8 << 20;

    /// <summary>The most bytes all streams together may hold for their readers; 16 MiB by default.</summary>
    public int MaxSessionWindow
    {
        get;
        init => field = value is >= SessionLimits.InitialMaxData and <= 256 << 20
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"Between {SessionLimits.InitialMaxData} and 256 MiB.");
    } = 16 << 20;

    /// <summary>
    /// The bytes that all streams together may hold for their readers from the beginning, at most <see cref="MaxSessionWindow"/>; 1 MiB by default. Where many streams belong to different programs it must be large, or a few readers that have
    /// not begun to read stop all the others.
    /// </summary>
    public int InitialSessionWindow
    {
        get;
        init => field = value is >= SessionLimits.InitialMaxData and <= 256 << 20
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"Between {SessionLimits.InitialMaxData} and 256 MiB.");
    } = SessionLimits.InitialMaxData;

    /// <summary>How many datagrams may wait to be sent; 64 by default. More are refused, not queued.</summary>
    public int MaxQueuedDatagrams
    {
        get;
        init => field = value is >= 1 and <= 4_096
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "Between 1 and 4096 datagrams.");
    } = 64;

    /// <summary>When keys change; the limits of the RFC unless a test wants to see it happen.</summary>
    internal PacketProtectionLimits ProtectionLimits { get; init; } = PacketProtectionLimits.Default;
}
