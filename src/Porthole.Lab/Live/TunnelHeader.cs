using System.Buffers.Binary;
using Porthole.Protocol;

namespace Porthole.Lab.Live;

/// <summary>
/// What stands before each datagram between a host and its lab NAT: the far address, since a program without privileges cannot have
/// the system route. Toward the NAT it is the destination, toward the host the source.
/// </summary>
/// <remarks>
/// <code>
/// | family: 4 or 6 | address: 4 or 16 bytes | port: 2 bytes | datagram …
/// </code>
/// </remarks>
public static class TunnelHeader
{
    /// <summary>The longest header, that of an IPv6 address.</summary>
    public const int MaxSize = 1 + 16 + 2;

    private const byte IPv4 = 4;
    private const byte IPv6 = 6;

    /// <summary>Writes a header.</summary>
    /// <param name="buffer">At least <see cref="MaxSize"/> bytes.</param>
    /// <param name="address">The far address.</param>
    /// <returns>The bytes written.</returns>
    public static int Write(Span<byte> buffer, TransportAddress address)
    {
        buffer[0] = address.IsIPv6 ? IPv6 : IPv4;
        int length = 1 + address.WriteAddress(buffer[1..]);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[length..], address.Port);
        return length + sizeof(ushort);
    }

    /// <summary>Reads a header.</summary>
    /// <param name="datagram">What was received.</param>
    /// <param name="address">The far address.</param>
    /// <param name="length">The bytes of the header; the datagram follows.</param>
    /// <returns>False for anything else.</returns>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out TransportAddress address, out int length)
    {
        (address, length) = (default, 0);
        if (datagram.IsEmpty) return false;
        int addressLength = datagram[0] switch { IPv4 => 4, IPv6 => 16, _ => 0 };
        if (addressLength == 0 || datagram.Length < 1 + addressLength + sizeof(ushort)) return false;
        address = new TransportAddress(datagram.Slice(1, addressLength), BinaryPrimitives.ReadUInt16BigEndian(datagram[(1 + addressLength)..]));
        length = 1 + addressLength + sizeof(ushort);
        return true;
    }
}
