using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>What a host has sent and received.</summary>
public sealed class TrafficCounters
{
    private readonly long[] _sent = new long[4];
    private readonly long[] _received = new long[4];

    /// <summary>Datagrams sent.</summary>
    public long Sent => Sum(_sent);

    /// <summary>Datagrams received.</summary>
    public long Received => Sum(_received);

    /// <summary>Bytes of all datagrams sent.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Packets of this host that ended on the way.</summary>
    public long Dropped { get; internal set; }

    /// <summary>TCP segments sent, whatever they are.</summary>
    public long SegmentsSent { get; private set; }

    /// <summary>TCP segments sent that open a connection, repetitions too: SYN without ACK.</summary>
    public long SynsSent { get; private set; }

    /// <summary>TCP segments received.</summary>
    public long SegmentsReceived { get; private set; }

    /// <summary>Bytes of the messages in TCP segments sent, repetitions too.</summary>
    public long SegmentBytesSent { get; private set; }

    /// <summary>Messages sent over main connections.</summary>
    public long MessagesSent { get; private set; }

    /// <summary>Bytes of all messages sent over main connections.</summary>
    public long MessageBytesSent { get; private set; }

    /// <summary>Datagrams of one kind sent.</summary>
    public long SentOf(PacketKind kind) => _sent[(int)kind];

    /// <summary>Datagrams of one kind received.</summary>
    public long ReceivedOf(PacketKind kind) => _received[(int)kind];

    internal void CountSent(PacketKind kind, int length)
    {
        _sent[(int)kind]++;
        BytesSent += length;
    }

    internal void CountReceived(PacketKind kind) => _received[(int)kind]++;

    internal void CountSegment(TcpBits bits, int length)
    {
        SegmentsSent++;
        if (bits == TcpBits.Syn) SynsSent++;
        SegmentBytesSent += length;
    }

    internal void CountSegmentReceived() => SegmentsReceived++;

    internal void CountMessage(int length)
    {
        MessagesSent++;
        MessageBytesSent += length;
    }

    private static long Sum(long[] counts)
    {
        long sum = 0;
        foreach (long count in counts) sum += count;
        return sum;
    }
}
