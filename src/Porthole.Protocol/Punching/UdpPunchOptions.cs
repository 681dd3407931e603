namespace Porthole.Protocol.Punching;

/// <summary>How a UDP punch goes.</summary>
public sealed record UdpPunchOptions
{
    /// <summary>How often to send to an address from which nothing has come.</summary>
    public int Tries { get; init; } = 40;

    /// <summary>From one try to the next. Once something has come, what follows goes faster.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long the punch may take in all.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What both sides know: the key of every message's tag.</summary>
    public required ReadOnlyMemory<byte> Cookie { get; init; }

    /// <summary>
    /// The IP time to live of one packet ahead of the first try: it opens the own NAT and dies before the other one, for NATs that take an early packet amiss.
    /// Null for none.
    /// </summary>
    public int? OpenerTimeToLive { get; init; }
}
