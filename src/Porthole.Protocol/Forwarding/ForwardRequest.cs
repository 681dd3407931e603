using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Porthole.Protocol.Forwarding;

/// <summary>
/// What the opener of a forwarding stream says first, behind the preamble: the kind (1 byte), the number of the association (2, big-endian; 0 with TCP), the port (2), the length of the host's name (1; 0 for the sharer's own
/// host), and the name. Of a TCP stream the bytes of the connection follow at once.
/// </summary>
/// <param name="Target">What to connect to, in the sharer's words.</param>
/// <param name="Association">What datagrams call the target; 0 with TCP.</param>
public sealed record ForwardRequest(ForwardTarget Target, ushort Association)
{
    /// <summary>The bytes before the host's name.</summary>
    public const int HeadSize = 6;

    /// <summary>The most bytes of a request.</summary>
    public const int MaxSize = HeadSize + ForwardTarget.MaxHost;

    /// <summary>How long a request is, by its head.</summary>
    /// <param name="head">The first <see cref="HeadSize"/> bytes.</param>
    /// <returns>Its length; 0 when that begins no request.</returns>
    public static int LengthFrom(ReadOnlySpan<byte> head) => head.Length >= HeadSize && head[HeadSize - 1] <= ForwardTarget.MaxHost ? HeadSize + head[HeadSize - 1] : 0;

    /// <summary>Reads a request, whole.</summary>
    /// <returns>False when it is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ForwardRequest? request)
    {
        request = null;
        if (LengthFrom(bytes) is var length && (length == 0 || length != bytes.Length)) return false;
        foreach (byte letter in bytes[HeadSize..])
        {
            if (!ForwardTarget.IsAllowed((char)letter)) return false;
        }

        var kind = (ForwardKind)bytes[0];
        ushort association = BinaryPrimitives.ReadUInt16BigEndian(bytes[1..]);
        if (kind == ForwardKind.Udp != association > 0) return false;
        string? host = length == HeadSize ? null : Encoding.ASCII.GetString(bytes[HeadSize..]);
        if (!ForwardTarget.TryCreate(kind, host, BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]), out var target)) return false;
        request = new ForwardRequest(target, association);
        return true;
    }

    /// <summary>The request as bytes.</summary>
    public byte[] Write()
    {
        byte[] host = Encoding.ASCII.GetBytes(Target.Host ?? "");
        byte[] bytes = new byte[HeadSize + host.Length];
        bytes[0] = (byte)Target.Kind;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(1), Association);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(3), Target.Port);
        bytes[HeadSize - 1] = (byte)host.Length;
        host.CopyTo(bytes, HeadSize);
        return bytes;
    }
}
