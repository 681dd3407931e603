namespace Porthole.Protocol.Session;

/// <summary>The frame types that sessions use, with the numbers of RFC 9000 section 19 and RFC 9221 section 4. Each fits one byte.</summary>
internal static class FrameType
{
    public const byte Padding = 0x00;
    public const byte Ping = 0x01;
    public const byte Ack = 0x02;
    public const byte ResetStream = 0x04;
    public const byte StopSending = 0x05;

    /// <summary>STREAM is 0x08 to 0x0F; the low bits are flags.</summary>
    public const byte Stream = 0x08;
    public const byte StreamLast = 0x0F;
    public const byte StreamFin = 0x01;
    public const byte StreamLength = 0x02;
    public const byte StreamOffset = 0x04;

    public const byte MaxData = 0x10;
    public const byte MaxStreamData = 0x11;
    public const byte MaxStreams = 0x12;
    public const byte DataBlocked = 0x14;
    public const byte StreamDataBlocked = 0x15;
    public const byte StreamsBlocked = 0x16;
    public const byte PathChallenge = 0x1A;
    public const byte PathResponse = 0x1B;
    public const byte CloseTransport = 0x1C;
    public const byte CloseApplication = 0x1D;
    public const byte Datagram = 0x30;
    public const byte DatagramLength = 0x31;

    /// <summary>Whether a frame of this type calls for an acknowledgement (RFC 9002 section 2): all but ACK, PADDING and CONNECTION_CLOSE.</summary>
    public static bool IsAckEliciting(byte type) => type is not (Padding or Ack or CloseTransport or CloseApplication);
}
