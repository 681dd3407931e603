using System.Buffers.Binary;

namespace Porthole.Cli.Ping;

/// <summary>
/// One ping: a sequence number and a length, 4 bytes each in network order, then that many bytes of padding. The peer sends it back as it is, which is what an echo
/// of the stream does (docs/cli.md).
/// </summary>
internal static class PingMessage
{
    /// <summary>Sequence number and length.</summary>
    public const int HeaderSize = 8;

    /// <summary>The most padding: a megabyte shows throughput well enough and costs little memory.</summary>
    public const int MaxPadding = 1 << 20;

    /// <summary>Writes a ping into a buffer of the right size.</summary>
    public static void Write(Span<byte> message, int sequence)
    {
        BinaryPrimitives.WriteInt32BigEndian(message, sequence);
        BinaryPrimitives.WriteInt32BigEndian(message[4..], message.Length - HeaderSize);
        for (int i = HeaderSize; i < message.Length; i++) message[i] = Pad(sequence, i);
    }

    /// <summary>Reads what came back; all pings of a run have one size.</summary>
    /// <returns>False when it is not what was sent.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, out int sequence)
    {
        sequence = BinaryPrimitives.ReadInt32BigEndian(message);
        if (sequence < 0 || BinaryPrimitives.ReadInt32BigEndian(message[4..]) != message.Length - HeaderSize) return false;
        for (int i = HeaderSize; i < message.Length; i++)
        {
            if (message[i] != Pad(sequence, i)) return false;
        }

        return true;
    }

    private static byte Pad(int sequence, int index) => (byte)(sequence + index);
}
