namespace Porthole.Protocol.Tests.Session;

/// <summary>One direction of a path between two sessions: delay, jitter (which reorders), loss, rate with a drop-tail queue, largest packet, cut.</summary>
internal sealed class LabLink
{
    private Instant _freeAt;
    private Instant _lastArrival;

    public TimeSpan Delay { get; set; } = TimeSpan.FromMilliseconds(20);

    public TimeSpan Jitter { get; set; }

    public double Loss { get; set; }

    public bool IsCut { get; set; }

    public int MaxPacket { get; set; } = int.MaxValue;

    /// <summary>Bytes per second; 0 for no limit.</summary>
    public double Rate { get; set; }

    /// <summary>Bytes that wait at most when there is a rate.</summary>
    public double QueueLimit { get; set; } = double.PositiveInfinity;

    /// <summary>Whether packets arrive in the order they were sent.</summary>
    public bool InOrder { get; set; }

    public int Sent { get; private set; }

    public int Dropped { get; private set; }

    public long BytesSent { get; private set; }

    /// <summary>Packets that a test drops by their number on this link, from 1.</summary>
    public HashSet<int> DropNumbers { get; } = [];

    /// <summary>When a packet arrives; null when it is lost.</summary>
    public Instant? Send(Instant now, int size, Random random)
    {
        Sent++;
        BytesSent += size;
        var arrival = Pass(now, size, random);
        if (arrival is null) Dropped++;
        return arrival;
    }

    private Instant? Pass(Instant now, int size, Random random)
    {
        if (IsCut || size > MaxPacket || DropNumbers.Contains(Sent) || Loss > 0 && random.NextDouble() < Loss) return null;
        var at = now;
        if (Rate > 0)
        {
            if (_freeAt < now) _freeAt = now;
            if ((_freeAt - now).TotalSeconds * Rate > QueueLimit) return null;
            at = _freeAt += TimeSpan.FromSeconds(size / Rate);
        }

        at += Delay + Jitter * random.NextDouble();
        if (InOrder) at = _lastArrival = Instant.Max(at, _lastArrival);
        return at;
    }
}
