using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Porthole.Protocol;

/// <summary>
/// An IP address and a port as a value: no allocation per datagram, usable as a key. IPv4-mapped IPv6 addresses are kept as IPv4, so that
/// one address has one form.
/// </summary>
public readonly record struct TransportAddress : IComparable<TransportAddress>
{
    private readonly UInt128 _address;
    private readonly uint _scope;
    private readonly ushort _port;
    private readonly bool _isIPv6;

    /// <summary>Creates an address from the bytes of an IP address in network order.</summary>
    /// <param name="address">4 bytes (IPv4) or 16 (IPv6).</param>
    /// <param name="port">The port, 0 to 65,535.</param>
    /// <param name="scope">The zone of an IPv6 link-local address, else 0.</param>
    /// <exception cref="ArgumentException">The address has another length.</exception>
    public TransportAddress(ReadOnlySpan<byte> address, ushort port, uint scope = 0)
    {
        if (address.Length == 4)
        {
            _address = BinaryPrimitives.ReadUInt32BigEndian(address);
        }
        else if (address.Length == 16)
        {
            _address = BinaryPrimitives.ReadUInt128BigEndian(address);
            if (_address >> 32 == 0xFFFF) _address &= 0xFFFF_FFFF;
            else (_isIPv6, _scope) = (true, scope);
        }
        else
        {
            throw new ArgumentException("An IP address has 4 or 16 bytes.", nameof(address));
        }

        _port = port;
    }

    private TransportAddress(UInt128 address, bool isIPv6, uint scope, ushort port) =>
        (_address, _isIPv6, _scope, _port) = (address, isIPv6, scope, port);

    /// <summary>The port, 0 to 65,535.</summary>
    public ushort Port => _port;

    /// <summary>Whether this is an IPv6 address (an IPv4-mapped one is not).</summary>
    public bool IsIPv6 => _isIPv6;

    /// <summary>The address family.</summary>
    public AddressFamily Family => _isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;

    /// <summary>The zone of an IPv6 link-local address, else 0.</summary>
    public uint Scope => _scope;

    /// <summary>How many bytes the IP address has: 4 or 16.</summary>
    public int AddressLength => _isIPv6 ? 16 : 4;

    /// <summary>The same address with port 0: a key for "this host".</summary>
    public TransportAddress Host => WithPort(0);

    /// <summary>The IP address. Allocates; for the edges only.</summary>
    public IPAddress Address
    {
        get
        {
            Span<byte> bytes = stackalloc byte[16];
            int length = WriteAddress(bytes);
            return _isIPv6 ? new IPAddress(bytes[..length], _scope) : new IPAddress(bytes[..length]);
        }
    }

    /// <summary>Whether the address is 0.0.0.0 or ::.</summary>
    public bool IsUnspecified => _address == 0;

    /// <summary>Whether the address is in 127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => _isIPv6 ? _address == 1 : _address >> 24 == 127;

    /// <summary>Whether the address is link-local: 169.254.0.0/16 or fe80::/10.</summary>
    public bool IsLinkLocal => _isIPv6 ? _address >> 118 == 0xFE80 >> 6 : _address >> 16 == 0xA9FE;

    /// <summary>Whether the address is multicast or broadcast.</summary>
    public bool IsMulticast => _isIPv6 ? _address >> 120 == 0xFF : _address >> 28 == 0xE || _address == 0xFFFF_FFFF;

    /// <summary>
    /// Whether the address belongs to a private network: 10/8, 172.16/12, 192.168/16 (RFC 1918), 100.64/10 (RFC 6598),
    /// 192.0.0.0/24 (RFC 7335, seen by hosts behind 464XLAT) or fc00::/7 (RFC 4193).
    /// </summary>
    public bool IsPrivate => _isIPv6
        ? _address >> 121 == 0xFC >> 1
        : _address >> 24 == 10 || _address >> 20 == 0xAC1 || _address >> 16 == 0xC0A8 || _address >> 22 == 0x6440 >> 6 || _address >> 8 == 0xC0_0000;

    /// <summary>The same host at another port.</summary>
    public TransportAddress WithPort(ushort port) => new(_address, _isIPv6, _scope, port);

    /// <summary>Whether both are the same IP address, whatever the ports.</summary>
    public bool SameHost(TransportAddress other) => _address == other._address && _isIPv6 == other._isIPv6 && _scope == other._scope;

    /// <summary>Whether both addresses share their first <paramref name="bits"/> bits and their family.</summary>
    public bool SharesPrefix(TransportAddress other, int bits)
    {
        if (_isIPv6 != other._isIPv6) return false;
        int shift = AddressLength * 8 - bits;
        return shift >= AddressLength * 8 || _address >> shift == other._address >> shift;
    }

    /// <summary>Writes the bytes of the IP address in network order.</summary>
    /// <returns>4 or 16, the bytes written.</returns>
    public int WriteAddress(Span<byte> destination)
    {
        if (!_isIPv6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_address);
            return 4;
        }

        BinaryPrimitives.WriteUInt128BigEndian(destination, _address);
        return 16;
    }

    /// <summary>Reads <c>203.0.113.7:5000</c> or <c>[2001:db8::1]:5000</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out TransportAddress address)
    {
        address = default;
        // IPEndPoint takes "::1" with port 0 and "1.2.3.4" without a port; an address without a port is not ours.
        if (text is null || text.LastIndexOf(':') is var colon && (colon < 0 || text[0] == '[' && text[colon - 1] != ']')) return false;
        if (text[0] != '[' && text.IndexOf(':', StringComparison.Ordinal) != colon) return false;
        if (!IPEndPoint.TryParse(text, out var endPoint)) return false;
        address = FromEndPoint(endPoint);
        return true;
    }

    /// <summary>Reads an address and a port that are known to be right, in a test or a constant.</summary>
    /// <exception cref="FormatException">The text is no address with a port.</exception>
    public static TransportAddress Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"'{text}' is not an address with a port.");

    /// <summary>The address of an end point.</summary>
    public static TransportAddress FromEndPoint(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return From(endPoint.Address, (ushort)endPoint.Port);
    }

    /// <summary>An IP address with a port.</summary>
    public static TransportAddress From(IPAddress address, ushort port)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return new TransportAddress(bytes[..length], port, length == 16 ? (uint)address.ScopeId : 0);
    }

    /// <summary>The end point. Allocates; for the edges only.</summary>
    public IPEndPoint ToEndPoint() => new(Address, _port);

    /// <inheritdoc/>
    public int CompareTo(TransportAddress other)
    {
        int order = _isIPv6.CompareTo(other._isIPv6);
        if (order == 0) order = _address.CompareTo(other._address);
        if (order == 0) order = _scope.CompareTo(other._scope);
        return order == 0 ? _port.CompareTo(other._port) : order;
    }

    /// <summary><c>203.0.113.7:5000</c> or <c>[2001:db8::1]:5000</c>.</summary>
    public override string ToString() => ToEndPoint().ToString();

    /// <summary>Whether the left address sorts first.</summary>
    public static bool operator <(TransportAddress left, TransportAddress right) => left.CompareTo(right) < 0;

    /// <summary>Whether the right address sorts first.</summary>
    public static bool operator >(TransportAddress left, TransportAddress right) => left.CompareTo(right) > 0;

    /// <summary>Whether the left address does not sort last.</summary>
    public static bool operator <=(TransportAddress left, TransportAddress right) => left.CompareTo(right) <= 0;

    /// <summary>Whether the right address does not sort last.</summary>
    public static bool operator >=(TransportAddress left, TransportAddress right) => left.CompareTo(right) >= 0;
}
