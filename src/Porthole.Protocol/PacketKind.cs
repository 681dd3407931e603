namespace Porthole.Protocol;

/// <summary>What a datagram is, by its first byte (RFC 7983 section 7, RFC 9443 section 3).</summary>
public enum PacketKind
{
    /// <summary>None of ours: dropped.</summary>
    Unknown,

    /// <summary>STUN: first byte 0 to 3.</summary>
    Stun,

    /// <summary>TURN ChannelData: first byte 64 to 79.</summary>
    TurnChannel,

    /// <summary>A packet of a Porthole session: first byte 80 to 95, which no protocol of RFC 7983 uses.</summary>
    Session,
}

/// <summary>Tells kinds of packets apart.</summary>
public static class PacketKinds
{
    /// <summary>The first of the sixteen first bytes of session packets.</summary>
    public const byte FirstSessionByte = 0x50;

    /// <summary>The kind of a datagram.</summary>
    public static PacketKind Classify(ReadOnlySpan<byte> datagram) => datagram switch
    {
        [<= 0x03, ..] => PacketKind.Stun,
        [>= 0x40 and <= 0x4F, ..] => PacketKind.TurnChannel,
        [>= FirstSessionByte and <= FirstSessionByte + 0x0F, ..] => PacketKind.Session,
        _ => PacketKind.Unknown,
    };
}
