namespace Porthole.Protocol.Session;

/// <summary>What became of a packet that was sent.</summary>
internal enum SentState : byte
{
    /// <summary>Nothing is owed for it: it only acknowledged, probed or padded.</summary>
    Untracked,

    /// <summary>In flight: not yet acknowledged, not yet lost.</summary>
    InFlight,

    /// <summary>Acknowledged.</summary>
    Acknowledged,

    /// <summary>Declared lost; an acknowledgement may still come.</summary>
    Lost,
}

/// <summary>The record of one sent packet (RFC 9002 appendix A.1.1), kept in place in <see cref="SentPackets"/>.</summary>
internal struct SentPacket
{
    /// <summary>The path it went on.</summary>
    public SessionPath? Path;

    /// <summary>When it was sent.</summary>
    public Instant SentAt;

    /// <summary>Its number among the packets of its path: what the packet threshold counts, for the packet numbers of other paths lie between.</summary>
    public long PathSequence;

    /// <summary>The largest number that its ACK frame acknowledged; -1 without one.</summary>
    public long Acknowledges;

    /// <summary>The first of its frames in the ring of frames.</summary>
    public long FirstFrame;

    /// <summary>How many frames it carried that matter.</summary>
    public int FrameCount;

    /// <summary>Its size in bytes, whole.</summary>
    public int Size;

    /// <summary>What became of it.</summary>
    public SentState State;

    /// <summary>Whether its frames already wait to be sent again, or were: a later loss must not queue them twice.</summary>
    public bool Requeued;
}

/// <summary>What a <see cref="SentFrame"/> carried.</summary>
internal enum SentFrameKind : byte
{
    Stream,
    ResetStream,
    StopSending,
    MaxStreamData,
    StreamDataBlocked,
    MaxData,
    MaxStreams,
    DataBlocked,
    StreamsBlocked,
}

/// <summary>A frame that must arrive in one packet or another.</summary>
/// <param name="Stream">The stream it is about, if any.</param>
/// <param name="Offset">The first byte of a STREAM frame.</param>
/// <param name="Length">The bytes of a STREAM frame.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Fin">Whether a STREAM frame ended the stream.</param>
internal readonly record struct SentFrame(SessionStream? Stream, long Offset, int Length, SentFrameKind Kind, bool Fin);
