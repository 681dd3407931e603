using System.Buffers.Binary;
using Porthole.Protocol;
using Porthole.Protocol.Stun;

namespace Porthole.Sockets;

/// <summary>How messages lie in the stream of a TCP connection: writes what stands before each, and finds them again.</summary>
internal static class MessageFrames
{
    /// <summary>The length before a message: 16 bits in network order (RFC 4571 section 2).</summary>
    public const int PrefixSize = 2;

    /// <summary>The longest message that is taken from a stream, in bytes: the longest that a machine writes. A prefix could say 535 more.</summary>
    public const int MaxMessage = DatagramBatchWriter.MaxDatagram;

    /// <summary>The most bytes that an incomplete frame can have.</summary>
    public const int MaxSize = PrefixSize + MaxMessage;

    /// <summary>Adds messages of equal size (the last may be shorter) to what is to be sent.</summary>
    public static void Append(SendQueue queue, MessageFraming framing, ReadOnlySpan<byte> messages, int segmentSize)
    {
        if (framing == MessageFraming.Stun)
        {
            queue.Append(messages); // each bears its length in its header
            return;
        }

        Span<byte> prefix = stackalloc byte[PrefixSize];
        for (; messages.Length > 0; messages = messages[Math.Min(segmentSize, messages.Length)..])
        {
            var message = messages[..Math.Min(segmentSize, messages.Length)];
            BinaryPrimitives.WriteUInt16BigEndian(prefix, (ushort)message.Length);
            queue.Append(prefix);
            queue.Append(message);
        }
    }

    /// <summary>Looks for the first message.</summary>
    /// <param name="framing">How messages lie in the stream.</param>
    /// <param name="received">What has been received and not been used, from the start of a frame.</param>
    /// <param name="offset">Where the message begins; behind its length, if there is one.</param>
    /// <param name="length">The message's length in bytes; 0 unless it is complete, and for an empty one.</param>
    public static StunFrameStatus Find(MessageFraming framing, ReadOnlySpan<byte> received, out int offset, out int length)
    {
        (offset, length) = (0, 0);
        if (framing == MessageFraming.Stun) return StunFrame.Find(received, out length);
        if (received.Length < PrefixSize) return StunFrameStatus.Incomplete;
        int size = BinaryPrimitives.ReadUInt16BigEndian(received);
        if (size > MaxMessage) return StunFrameStatus.Broken;
        if (received.Length < PrefixSize + size) return StunFrameStatus.Incomplete;
        (offset, length) = (PrefixSize, size);
        return StunFrameStatus.Complete;
    }
}
