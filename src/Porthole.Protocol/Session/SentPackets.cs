using System.Diagnostics;

namespace Porthole.Protocol.Session;

/// <summary>
/// The packets that were sent and whose fate is open, found by their number: a ring of records, and a ring of the frames they carried. Nothing is allocated
/// per packet; the rings grow to the largest flight that was needed.
/// </summary>
internal sealed class SentPackets
{
    /// <summary>The most packets between the oldest open one and the newest: more than the largest window holds.</summary>
    public const int MaxPackets = 1 << 16;

    private const int InitialSize = 64;

    private SentPacket[] _packets = new SentPacket[InitialSize];
    private SentFrame[] _frames = new SentFrame[InitialSize];
    private long _firstFrame;
    private long _nextFrame;
    private long _packetFrames;

    /// <summary>The oldest number whose record is kept.</summary>
    public long First { get; private set; }

    /// <summary>The number after the newest.</summary>
    public long Next { get; private set; }

    /// <summary>Whether no record is free: the oldest packet must be given up before the next is sent.</summary>
    public bool IsFull => Next - First >= MaxPackets;

    /// <summary>The record of a packet from <see cref="First"/> up to <see cref="Next"/>.</summary>
    public ref SentPacket this[long number] => ref _packets[number & (_packets.Length - 1)];

    /// <summary>One frame of a packet.</summary>
    public ref readonly SentFrame Frame(long index) => ref _frames[index & (_frames.Length - 1)];

    /// <summary>Remembers a frame of the packet that is being built.</summary>
    public void AddFrame(in SentFrame frame)
    {
        if (_nextFrame - _firstFrame == _frames.Length) Grow(ref _frames, _firstFrame, _nextFrame);
        _frames[_nextFrame++ & (_frames.Length - 1)] = frame;
    }

    /// <summary>How many frames were added since the last packet.</summary>
    public int PendingFrames => (int)(_nextFrame - _packetFrames);

    /// <summary>Remembers a packet and the frames that were added for it. Numbers that were skipped become records of packets that were never sent.</summary>
    public void Add(long number, in SentPacket packet)
    {
        Debug.Assert(number >= Next, "Packet numbers only rise.");
        int frames = PendingFrames;
        if (First == Next) First = Next = number;
        while (Next < number) Append(default);
        Append(packet with { FirstFrame = _nextFrame - frames, FrameCount = frames });
        _packetFrames = _nextFrame;
        Trim();
    }

    /// <summary>Forgets the oldest packets whose fate is known.</summary>
    public void Trim()
    {
        while (First < Next && this[First].State != SentState.InFlight)
        {
            ref var packet = ref this[First];
            for (int i = 0; i < packet.FrameCount; i++) _frames[_firstFrame++ & (_frames.Length - 1)] = default;
            packet = default;
            First++;
        }
    }

    private void Append(in SentPacket packet)
    {
        if (Next - First == _packets.Length) Grow(ref _packets, First, Next);
        _packets[Next++ & (_packets.Length - 1)] = packet;
    }

    private static void Grow<T>(ref T[] ring, long first, long next)
    {
        var larger = new T[2 * ring.Length];
        for (long i = first; i < next; i++) larger[i & (larger.Length - 1)] = ring[i & (ring.Length - 1)];
        ring = larger;
    }
}
