using Porthole.Protocol.Session;

namespace Porthole.Forwarding;

/// <summary>How sessions should behave whose streams are connections of many programs, none of which may stop the others (<see cref="PeerOptions.Session"/>).</summary>
public static class ForwardingSession
{
    /// <summary>As many streams as a sharer lets a peer have connections, and those that are just ending.</summary>
    private const int MaxStreams = 8_192;

    /// <summary>A stream carries 400 Mbit/s at 40 ms, and holds no more for a program that has stopped reading.</summary>
    private const int StreamWindow = 2 << 20;

    /// <summary>32 programs may stop reading in the middle of their fastest transfers, or 256 that have not begun to read, before the others have to wait.</summary>
    private const int SessionWindow = 64 << 20;

    /// <summary>A fifth of a second at 5,000 datagrams a second: what waits longer is stale.</summary>
    private const int QueuedDatagrams = 1_024;

    /// <summary>The options of the commands <c>share</c> and <c>forward</c>.</summary>
    public static SessionOptions Options { get; } = new()
    {
        KeepAlive = TimeSpan.FromSeconds(15),
        MaxIncomingStreams = MaxStreams,
        MaxStreamWindow = StreamWindow,
        InitialSessionWindow = SessionWindow,
        MaxSessionWindow = SessionWindow,
        MaxQueuedDatagrams = QueuedDatagrams,
    };
}
