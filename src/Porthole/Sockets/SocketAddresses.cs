using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>Converts between the system's socket address and <see cref="TransportAddress"/> without allocating.</summary>
/// <remarks>
/// The layout of <c>sockaddr_in</c> and <c>sockaddr_in6</c> is the same on every system but for the family: 2 bytes of family, 2 of port in network
/// order, then 4 of IPv4 address, or 4 of flow label, 16 of IPv6 address and 4 of scope in host order.
/// </remarks>
internal static class SocketAddresses
{
    public const int IPv4Size = 16;
    public const int IPv6Size = 28;

    private const int PortOffset = 2;
    private const int IPv4Offset = 4;
    private const int IPv6Offset = 8;
    private const int ScopeOffset = 24;

    public static SocketAddress Create(AddressFamily family) => new(family, family == AddressFamily.InterNetworkV6 ? IPv6Size : IPv4Size);

    /// <summary>Reads a received address of the socket's own family.</summary>
    public static TransportAddress Read(ReadOnlySpan<byte> sockaddr, AddressFamily family)
    {
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(sockaddr[PortOffset..]);
        return family == AddressFamily.InterNetworkV6
            ? new TransportAddress(sockaddr.Slice(IPv6Offset, 16), port, MemoryMarshal.Read<uint>(sockaddr[ScopeOffset..]))
            : new TransportAddress(sockaddr.Slice(IPv4Offset, 4), port);
    }

    /// <summary>Writes all but the family. The address must be of the socket's family.</summary>
    public static void Write(TransportAddress address, Span<byte> sockaddr)
    {
        BinaryPrimitives.WriteUInt16BigEndian(sockaddr[PortOffset..], address.Port);
        if (!address.IsIPv6)
        {
            address.WriteAddress(sockaddr[IPv4Offset..]);
            return;
        }

        sockaddr.Slice(IPv4Offset, 4).Clear(); // no flow label
        address.WriteAddress(sockaddr[IPv6Offset..]);
        uint scope = address.Scope;
        MemoryMarshal.Write(sockaddr[ScopeOffset..], in scope);
    }
}
