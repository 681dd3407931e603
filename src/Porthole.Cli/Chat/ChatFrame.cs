using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Porthole.Cli.Chat;

/// <summary>
/// What two chats say to each other on their one stream (docs/cli.md). A frame is a type (1 byte), the length of its body (4 bytes, network order) and the body.
/// Frames of unknown types are passed over, so that later versions can say more.
/// </summary>
internal abstract record ChatFrame
{
    /// <summary>Type and length.</summary>
    public const int HeaderSize = 5;

    /// <summary>The longest body: an id and the longest text.</summary>
    public const int MaxBody = IdSize + MaxText;

    /// <summary>The longest text of a message, in bytes of UTF-8: several screens.</summary>
    public const int MaxText = 16 * 1024;

    private const int IdSize = 8;

    private ChatFrame() { }

    /// <summary>The first frame of each side. Its body is <see cref="Protocol"/>.</summary>
    public sealed record Hello : ChatFrame
    {
        /// <summary>The protocol and its version.</summary>
        public const string Protocol = "porthole-chat/1";
    }

    /// <summary>A message: its number, counted by its sender from 1, and the text in UTF-8.</summary>
    public sealed record Message(ulong Number, string Text) : ChatFrame;

    /// <summary>The other side has shown the message with this number.</summary>
    public sealed record Delivered(ulong Number) : ChatFrame;

    /// <summary>The sender has said its last message here: another connection of the same two carries the chat.</summary>
    public sealed record Last : ChatFrame;

    /// <summary>A frame of a type that is not known here.</summary>
    public sealed record Unknown : ChatFrame;

    /// <summary>The type of a hello; ASCII, so that a look at the bytes tells what they are.</summary>
    private const byte HelloType = (byte)'H';

    private const byte MessageType = (byte)'M';

    private const byte DeliveredType = (byte)'D';

    private const byte LastType = (byte)'L';

    /// <summary>The frame's bytes.</summary>
    public byte[] ToBytes() => this switch
    {
        Hello => Write(HelloType, Encoding.ASCII.GetBytes(Hello.Protocol)),
        Message message => Write(MessageType, [.. NumberBytes(message.Number), .. Encoding.UTF8.GetBytes(message.Text)]),
        Delivered delivered => Write(DeliveredType, NumberBytes(delivered.Number)),
        Last => Write(LastType, []),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Whether the bytes of a frame are a message.</summary>
    public static bool IsMessage(ReadOnlySpan<byte> frame) => frame[0] == MessageType;

    /// <summary>Reads a frame's header.</summary>
    /// <returns>False when the body is longer than any.</returns>
    public static bool TryReadHeader(ReadOnlySpan<byte> header, out byte type, out int length)
    {
        type = header[0];
        uint announced = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        length = (int)Math.Min(announced, int.MaxValue);
        return announced <= MaxBody;
    }

    /// <summary>Reads a frame's body.</summary>
    /// <returns>False when it is malformed.</returns>
    public static bool TryRead(byte type, ReadOnlySpan<byte> body, [NotNullWhen(true)] out ChatFrame? frame)
    {
        frame = type switch
        {
            HelloType => body.SequenceEqual(Encoding.ASCII.GetBytes(Hello.Protocol)) ? new Hello() : null,
            MessageType => body.Length >= IdSize ? new Message(BinaryPrimitives.ReadUInt64BigEndian(body), Encoding.UTF8.GetString(body[IdSize..])) : null,
            LastType => new Last(),
            DeliveredType => body.Length == IdSize ? new Delivered(BinaryPrimitives.ReadUInt64BigEndian(body)) : null,
            _ => new Unknown(),
        };
        return frame is not null;
    }

    private static byte[] Write(byte type, ReadOnlySpan<byte> body)
    {
        byte[] bytes = new byte[HeaderSize + body.Length];
        bytes[0] = type;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), body.Length);
        body.CopyTo(bytes.AsSpan(HeaderSize));
        return bytes;
    }

    private static byte[] NumberBytes(ulong number)
    {
        byte[] bytes = new byte[IdSize];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
        return bytes;
    }
}
