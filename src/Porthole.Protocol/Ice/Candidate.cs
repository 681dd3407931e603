using System.Globalization;

namespace Porthole.Protocol.Ice;

/// <summary>An address at which an agent may be reached (RFC 8445 section 5.1). UDP, one component.</summary>
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
    public static Candidate Remote(CandidateType type, TransportAddress address, uint priority, string foundation) =>
        new(type, address, address, default, priority, foundation);

    /// <summary><c>srflx 203.0.113.7:5000</c>.</summary>
    public override string ToString() => $"{CandidateText.TypeName(Type)} {Address}";

    internal static Candidate Local(
        CandidateType type,
        SocketId socket,
        TransportAddress address,
        TransportAddress baseAddress,
        TransportAddress server,
        ushort localPreference) =>
        new(type, address, baseAddress, socket, CandidatePriority.Compute(type, localPreference), FoundationOf(type, baseAddress, server));

    // RFC 8445 section 5.1.1.3: equal when type, the base's IP address, the server's IP address and the transport are equal. FNV-1a over these gives
    // a short text that says nothing of the addresses to a reader, needs no table, and is the same in every run.
    private static string FoundationOf(CandidateType type, TransportAddress baseAddress, TransportAddress server)
    {
        Span<byte> bytes = stackalloc byte[1 + 16 + 16];
        bytes[0] = (byte)type;
        int length = 1;
        length += baseAddress.WriteAddress(bytes[length..]);
        length += server.WriteAddress(bytes[length..]);
        uint hash = 2_166_136_261;
        foreach (byte value in bytes[..length]) hash = (hash ^ value) * 16_777_619;
        return hash.ToString(CultureInfo.InvariantCulture);
    }
}
