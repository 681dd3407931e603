using System.Text;

namespace Porthole.Protocol.Forwarding;

/// <summary>
/// What the sharer says first on a forwarding stream: a mark (1 byte), the status (1), the length of the reason (1), and the reason in UTF-8. Of a TCP stream the bytes of the connection follow. The mark is never what the opener
/// sent: a peer that echoes is told from one that shares.
/// </summary>
/// <param name="Status">What came of the request.</param>
/// <param name="Reason">Why, in words for a person; empty when it went well.</param>
public sealed record ForwardAnswer(ForwardStatus Status, string Reason = "")
{
    /// <summary>The bytes before the reason.</summary>
    public const int HeadSize = 3;

    /// <summary>The most bytes of a reason.</summary>
    public const int MaxReason = byte.MaxValue;

    /// <summary>The most bytes of an answer.</summary>
    public const int MaxSize = HeadSize + MaxReason;

    /// <summary>An 'F': no length of a preamble.</summary>
    private const byte Mark = 0x46;

    /// <summary>How long an answer is, by its head.</summary>
    /// <param name="head">The first <see cref="HeadSize"/> bytes.</param>
    /// <returns>Its length; 0 when that begins no answer: the peer speaks something else.</returns>
    public static int LengthFrom(ReadOnlySpan<byte> head) =>
        head.Length >= HeadSize && head[0] == Mark && head[1] <= (byte)ForwardStatus.BadRequest ? HeadSize + head[2] : 0;

    /// <summary>Reads an answer, whole.</summary>
    /// <returns>Null when it is none.</returns>
    public static ForwardAnswer? Read(ReadOnlySpan<byte> bytes) => LengthFrom(bytes) is > 0 and var length && length == bytes.Length
        ? new ForwardAnswer((ForwardStatus)bytes[1], Encoding.UTF8.GetString(bytes[HeadSize..]))
        : null;

    /// <summary>The answer as bytes; a long reason is cut off.</summary>
    public byte[] Write()
    {
        Span<byte> reason = stackalloc byte[MaxReason];
        int length = 0;
        foreach (var rune in Reason.EnumerateRunes())
        {
            if (!rune.TryEncodeToUtf8(reason[length..], out int more)) break;
            length += more;
        }

        byte[] bytes = new byte[HeadSize + length];
        (bytes[0], bytes[1], bytes[2]) = (Mark, (byte)Status, (byte)length);
        reason[..length].CopyTo(bytes.AsSpan(HeadSize));
        return bytes;
    }
}
