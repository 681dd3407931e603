using System.Buffers.Binary;
using System.Text;

namespace WebBehindNat;

/// <summary>
/// What gRPC puts around a message: a flag for compression (1 byte), its length (4 bytes), and the message; here one of Protocol Buffers whose first field is a short text, as HelloRequest and HelloReply of gRPC's own first example.
/// </summary>
internal static class GrpcFrame
{
    private const int PrefixSize = 5;
    private const byte FirstFieldOfBytes = (1 << 3) | 2;
    private const int LongestText = 127; // one byte says its length

    public static byte[] Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > LongestText) throw new ArgumentException($"The text has more than {LongestText} bytes.", nameof(text));
        byte[] frame = new byte[PrefixSize + 2 + bytes.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), 2 + bytes.Length);
        frame[PrefixSize] = FirstFieldOfBytes;
        frame[PrefixSize + 1] = (byte)bytes.Length;
        bytes.CopyTo(frame, PrefixSize + 2);
        return frame;
    }

    /// <summary>The text, or null when it is another message.</summary>
    public static string? Read(ReadOnlySpan<byte> frame) =>
        frame.Length >= PrefixSize + 2 && frame[0] == 0 && BinaryPrimitives.ReadInt32BigEndian(frame[1..]) == frame.Length - PrefixSize
        && frame[PrefixSize] == FirstFieldOfBytes && frame[PrefixSize + 1] == frame.Length - PrefixSize - 2
            ? Encoding.UTF8.GetString(frame[(PrefixSize + 2)..])
            : null;
}
