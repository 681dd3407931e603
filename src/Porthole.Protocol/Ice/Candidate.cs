using System.Globalization;

namespace Porthole.Protocol.Ice;

/// <summary>An address at which an agent may be reached (RFC 8445 section 5.1, RFC 6544 section 4.1). One component.</summary>
/// <param name="Type">Where it was learnt.</param>
/// <param name="Address">The address itself.</param>
/// <param name="Base">The local address that it is sent from; for a remote candidate what the other agent said, or the address again.</param>
/// <param name="Socket">The socket bound to the base; 0 for a remote candidate.</param>
/// <param name="Priority">Its priority, 1 to 2^31 - 1 (RFC 8445 section 5.1.2).</param>
/// <param name="Foundation">1 to 32 ice-chars, equal for candidates of one kind (RFC 8445 section 5.1.1.3).</param>
public sealed record Candidate(
    CandidateType Type, TransportAddress Address, TransportAddress Base, SocketId Socket, uint Priority, string Foundation)
{
    /// <summary>The only component: everything of a session goes over one address.</summary>
    public const int Component = 1;

    /// <summary>The longest foundation, in characters (RFC 8839 section 5.1).</summary>
    public const int MaxFoundation = 32;

    /// <summary>How a TCP candidate is met (RFC 6544 section 4.1); null for UDP.</summary>
    public TcpCandidateType? Tcp { get; init; }

    /// <summary>UDP or TCP.</summary>
    public Transports Transport => Tcp is null ? Transports.Udp : Transports.Tcp;

    /// <summary>Whether something can be sent there: an address of one host, with a port.</summary>
    public bool IsReachable => Address.Port != 0 && !Address.IsUnspecified && !Address.IsMulticast;

    /// <summary>A local socket's own address.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="address">The address it is bound to.</param>
    /// <param name="localPreference">The host's preference among its addresses.</param>
    public static Candidate Host(SocketId socket, TransportAddress address, ushort localPreference = CandidatePriority.HighestLocalPreference) =>
        Local(CandidateType.Host, socket, address, address, default, localPreference);

    /// <summary>A local socket's address as a STUN server saw it.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="address">What the server saw.</param>
    /// <param name="baseAddress">The address the socket is bound to.</param>
    /// <param name="server">The server; default when it does not matter.</param>
    /// <param name="localPreference">The host's preference among its addresses.</param>
    public static Candidate ServerReflexive(
        SocketId socket,
        TransportAddress address,
        TransportAddress baseAddress,
        TransportAddress server = default,
        ushort localPreference = CandidatePriority.HighestLocalPreference) =>
        Local(CandidateType.ServerReflexive, socket, address, baseAddress, server, localPreference);

    /// <summary>A relayed address; what is sent from its socket leaves at the relay.</summary>
    /// <param name="socket">The socket that stands for the relayed address.</param>
    /// <param name="address">The address at the relay.</param>
    /// <param name="server">The relay.</param>
    /// <param name="localPreference">The host's preference among its addresses.</param>
    public static Candidate Relayed(
        SocketId socket,
        TransportAddress address,
        TransportAddress server = default,
        ushort localPreference = CandidatePriority.HighestLocalPreference) =>
        Local(CandidateType.Relayed, socket, address, address, server, localPreference);

    /// <summary>A candidate of the other agent.</summary>
    /// <param name="type">Where the other agent learnt it.</param>
    /// <param name="address">The address.</param>
    /// <param name="priority">Its priority, as the other agent says.</param>
    /// <param name="foundation">Its foundation, as the other agent says.</param>
    /// <param name="tcp">How a TCP candidate is met; null for UDP.</param>
    public static Candidate Remote(CandidateType type, TransportAddress address, uint priority, string foundation, TcpCandidateType? tcp = null) =>
        new(type, address, address, default, priority, foundation) { Tcp = tcp };

    /// <summary><c>srflx 203.0.113.7:5000</c>, <c>host 192.168.1.10:8900 tcp so</c>.</summary>
    public override string ToString() => Tcp is { } tcp
        ? $"{CandidateText.TypeName(Type)} {Address} tcp {CandidateText.TcpTypeName(tcp)}"
        : $"{CandidateText.TypeName(Type)} {Address}";

    /// <summary>The local end of a TCP connection.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="address">Its local address.</param>
    /// <param name="tcp">Whether it was accepted, or made from here.</param>
    internal static Candidate Connection(SocketId socket, TransportAddress address, TcpCandidateType tcp) =>
        new(CandidateType.Host, address, address, socket, CandidatePriority.ComputeTcp(CandidateType.Host, tcp), FoundationOf(CandidateType.Host, address, default, Transports.Tcp))
        {
            Tcp = tcp,
        };

    internal static Candidate Local(
        CandidateType type,
        SocketId socket,
        TransportAddress address,
        TransportAddress baseAddress,
        TransportAddress server,
        ushort localPreference) =>
        new(type, address, baseAddress, socket, CandidatePriority.Compute(type, localPreference), FoundationOf(type, baseAddress, server, Transports.Udp));

    // RFC 8445 section 5.1.1.3: equal when type, the base's IP address, the server's IP address and the transport are equal. FNV-1a over these gives
    // a short text that says nothing of the addresses to a reader, needs no table, and is the same in every run.
    private static string FoundationOf(CandidateType type, TransportAddress baseAddress, TransportAddress server, Transports transport)
    {
        Span<byte> bytes = stackalloc byte[1 + 16 + 16];
        bytes[0] = (byte)((int)type | (transport == Transports.Tcp ? 0x80 : 0));
        int length = 1;
        length += baseAddress.WriteAddress(bytes[length..]);
        length += server.WriteAddress(bytes[length..]);
        uint hash = 2_166_136_261;
        foreach (byte value in bytes[..length]) hash = (hash ^ value) * 16_777_619;
        return hash.ToString(CultureInfo.InvariantCulture);
    }
}
