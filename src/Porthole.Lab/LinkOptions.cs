namespace Porthole.Lab;

/// <summary>What one direction of a link does to packets. The default does nothing and takes no time.</summary>
public sealed record LinkOptions
{
    /// <summary>A link that does nothing and takes no time.</summary>
    public static LinkOptions Perfect { get; } = new();

    /// <summary>The time from one end to the other.</summary>
    public TimeSpan Delay
    {
        get;
        init => field = value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A delay is not negative.");
    }

    /// <summary>The most that is added to <see cref="Delay"/>, each packet drawing its own share evenly.</summary>
    public TimeSpan Jitter
    {
        get;
        init => field = value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Jitter is not negative.");
    }

    /// <summary>Whether a packet that jitter would let overtake waits behind the one before it.</summary>
    public bool KeepOrder { get; init; }

    /// <summary>The share of packets that is lost, 0 to 1. On a main connection a lost message comes late instead.</summary>
    public double Loss { get; init => field = Share(value); }

    /// <summary>The share of packets that arrives twice, 0 to 1.</summary>
    public double Duplication { get; init => field = Share(value); }

    /// <summary>The rate in bits of payload per second; 0 is no limit.</summary>
    public long BitsPerSecond
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A rate is not negative.");
    }

    /// <summary>How many bytes may wait for the link when its rate is limited; datagrams that find more waiting are dropped.</summary>
    public int QueueBytes
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A queue is not negative.");
    } = 128 * 1024;

    /// <summary>
    /// The largest datagram that passes, in bytes of payload; larger ones are dropped without a word, as where path MTU discovery fails.
    /// </summary>
    public int MaxDatagram
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Something passes.");
    } = 65_507;

    /// <summary>A link with a delay and nothing else.</summary>
    public static LinkOptions WithDelay(double milliseconds) => new() { Delay = TimeSpan.FromMilliseconds(milliseconds) };

    private static double Share(double value) =>
        value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A share lies between 0 and 1.");
}
