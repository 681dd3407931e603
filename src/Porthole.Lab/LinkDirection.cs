using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>One direction of a link: its options and what is on it.</summary>
internal sealed class LinkDirection(LinkOptions options)
{
    /// <summary>What a lost segment of a main connection waits before it is sent again: the least retransmission time-out of Linux.</summary>
    private static readonly TimeSpan s_retransmission = TimeSpan.FromMilliseconds(200);

    private Instant _freeAt;
    private Instant _lastArrival;

    public LinkOptions Options { get; set; } = options;

    /// <summary>Whether it matters in which order packets are put on the link: then they must be, at the time they reach it.</summary>
    public bool HasMemory => Options.BitsPerSecond > 0 || (Options.KeepOrder && Options.Jitter > TimeSpan.Zero);

    /// <summary>How many bytes wait for the link.</summary>
    public long Backlog(Instant now) =>
        Options.BitsPerSecond == 0 || _freeAt <= now
            ? 0
            : (long)((Int128)(_freeAt - now).Ticks * Options.BitsPerSecond / (8 * TimeSpan.TicksPerSecond));

    /// <summary>When no more than so many bytes wait.</summary>
    public Instant BacklogFallsTo(long bytes, Instant now) =>
        Options.BitsPerSecond == 0 ? now : Instant.Max(now, _freeAt - Duration(bytes));

    /// <summary>Puts a datagram or segment on the link.</summary>
    /// <param name="chance">Chance, for loss and jitter.</param>
    /// <param name="at">When it reaches the link.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="protocol">TCP cuts what it sends to the size that passes.</param>
    /// <param name="arrival">When it leaves the link at the other end.</param>
    /// <param name="drop">Why it does not.</param>
    public bool TryCross(EntropySource chance, Instant at, int length, NatProtocol protocol, out Instant arrival, out PacketDrop drop)
    {
        arrival = at;
        drop = PacketDrop.None;
        if (length > Options.MaxDatagram && protocol == NatProtocol.Udp) drop = PacketDrop.TooLarge;
        else if (Options.Loss > 0 && chance.NextDouble(0, 1) < Options.Loss) drop = PacketDrop.Lost;
        else if (Options.BitsPerSecond > 0 && Backlog(at) > Options.QueueBytes) drop = PacketDrop.QueueFull;
        if (drop != PacketDrop.None) return false;
        arrival = Arrive(chance, at, length);
        return true;
    }

    /// <summary>Puts a message of a main connection on the link: nothing is dropped, but what would be comes late.</summary>
    public Instant CrossReliably(EntropySource chance, Instant at, int length)
    {
        var wait = s_retransmission + 2 * Options.Delay;
        for (int i = 0; i < 6 && Options.Loss > 0 && chance.NextDouble(0, 1) < Options.Loss; i++)
        {
            at += wait;
            wait *= 2;
        }

        return Arrive(chance, at, length);
    }

    private Instant Arrive(EntropySource chance, Instant at, int length)
    {
        if (Options.BitsPerSecond > 0)
        {
            _freeAt = Instant.Max(_freeAt, at) + Duration(length);
            at = _freeAt;
        }

        var arrival = at + Options.Delay;
        if (Options.Jitter <= TimeSpan.Zero) return arrival;
        arrival += new TimeSpan((long)chance.NextDouble(0, Options.Jitter.Ticks));
        if (!Options.KeepOrder) return arrival;
        return _lastArrival = Instant.Max(arrival, _lastArrival);
    }

    private TimeSpan Duration(long bytes) => new((long)((Int128)bytes * 8 * TimeSpan.TicksPerSecond / Options.BitsPerSecond));
}
