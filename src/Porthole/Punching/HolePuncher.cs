using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Protocol.Punching;

namespace Porthole.Punching;

/// <summary>
/// The bare hole punch: two sides that have exchanged their mapped addresses, by whatever way they like, get a connected socket between them. For whoever wants a
/// socket and brings the rest; <see cref="PeerNode"/> has the rest.
/// </summary>
/// <remarks>
/// Nothing is encrypted, and who is at the other end is known no better than by the cookie and the address: put TLS (<c>SslStream</c>), or what you have, on top.
/// </remarks>
public static partial class HolePuncher
{
    /// <summary>The cookie where none is chosen. It is no secret: it tells a punch from whatever else arrives.</summary>
    public static ReadOnlyMemory<byte> DefaultCookie { get; } = "porthole punch"u8.ToArray();

    /// <summary>
    /// Punches from a UDP socket. Both sides call it, each with the other's mapped address. It works with full-cone, restricted and port-restricted NATs on both
    /// sides, and with a symmetric one against all but port-restricted and symmetric ones: a packet from another port of the right address is followed there.
    /// </summary>
    /// <remarks>
    /// Sends until it is acknowledged, and ends when each side knows that the other sends no more of the punch's packets. Where the last word of the other side
    /// was lost, it ends 0.6 s later, or when its program is heard. What stays: a packet of the punch that the network delays beyond that can still arrive; 
    /// <see cref="IsPunch"/> tells it. While the punch goes on, nobody else may receive on the socket.
    /// </remarks>
    /// <param name="bound">A bound UDP socket: the one whose mapped address the other side was told.</param>
    /// <param name="mapped">The other side's mapped address.</param>
    /// <param name="options">Tries, times and cookie; null for the defaults.</param>
    /// <param name="progress">Is told each step.</param>
    /// <param name="cancellationToken">Gives up; the socket is then as it was.</param>
    /// <returns>The same socket, connected to the other side, with nothing of the punch in its queue; what the other program has sent is.</returns>
    /// <exception cref="ArgumentException">The socket is no UDP socket, is not bound or is connected, or the address is of another family.</exception>
    /// <exception cref="PunchException">It failed; the socket is as it was.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<Socket> PunchUdpAsync(
        Socket bound, IPEndPoint mapped, UdpHoleOptions? options = null, IProgress<PunchProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        CheckUdp(bound, mapped);
        using var punch = new UdpPunch(bound, Plain(mapped), options ?? new UdpHoleOptions(), progress);
        return await punch.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Punches from a TCP port: connects from it and listens on it at the same time. Both sides call it, each with the other's mapped address. It also connects
    /// to, or is reached as, a host without a NAT.
    /// </summary>
    /// <remarks>
    /// With a cookie (the default) the two sides say a few bytes to each other before the program's first, which shows that they mean each other, and makes both
    /// choose the same connection if there are several: the side with the higher random id takes the first on which it hears the other. What is not chosen is
    /// closed with RST. Without one, the first connection is taken as it is. Both sides come out as the client of nobody: agree otherwise on who is the server
    /// of a protocol on top.
    /// </remarks>
    /// <param name="localPort">The local port: the one whose mapped address the other side was told. Other sockets may use it if they share it (ReuseAddress).</param>
    /// <param name="mapped">The other side's mapped address.</param>
    /// <param name="options">Tries, times and cookie; null for the defaults.</param>
    /// <param name="progress">Is told each step.</param>
    /// <param name="cancellationToken">Gives up, and closes what was opened.</param>
    /// <returns>A connected socket, at the first byte of the other program.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is no port.</exception>
    /// <exception cref="PunchException">It failed; nothing stays open.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing stays open.</exception>
    public static Task<Socket> PunchTcpAsync(
        int localPort, IPEndPoint mapped, TcpHoleOptions? options = null, IProgress<PunchProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        CheckMapped(mapped);
        return PunchTcpAsync(new IPEndPoint(AnyOf(Plain(mapped).AddressFamily), localPort), mapped, options, progress, cancellationToken);
    }

    /// <summary>Punches from a TCP port of one local address; see <see cref="PunchTcpAsync(int, IPEndPoint, TcpHoleOptions?, IProgress{PunchProgress}?, CancellationToken)"/>.</summary>
    /// <param name="local">The local address and port.</param>
    /// <param name="mapped">The other side's mapped address.</param>
    /// <param name="options">Tries, times and cookie; null for the defaults.</param>
    /// <param name="progress">Is told each step.</param>
    /// <param name="cancellationToken">Gives up, and closes what was opened.</param>
    /// <returns>A connected socket, at the first byte of the other program.</returns>
    /// <exception cref="ArgumentException">There is no local port, or the addresses are of different families.</exception>
    /// <exception cref="PunchException">It failed; nothing stays open.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing stays open.</exception>
    public static async Task<Socket> PunchTcpAsync(
        IPEndPoint local, IPEndPoint mapped, TcpHoleOptions? options = null, IProgress<PunchProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(local);
        CheckMapped(mapped);
        ArgumentOutOfRangeException.ThrowIfZero(local.Port, nameof(local));
        if (local.AddressFamily != Plain(mapped).AddressFamily) throw new ArgumentException("The local and the mapped address are both IPv4, or both IPv6.", nameof(local));
        using var punch = new TcpPunch(local, Plain(mapped), options ?? new TcpHoleOptions(), progress);
        return await punch.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks a STUN server (RFC 8489), such as a Porthole server, for the mapped address of a UDP socket: what to tell the other side.</summary>
    /// <param name="bound">A bound UDP socket. What others send to it meanwhile is lost.</param>
    /// <param name="stunServer">The server; the usual port is 3478.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The address that the server sees. A NAT keeps it for half a minute at least: punch soon.</returns>
    /// <exception cref="ArgumentException">The socket is no UDP socket, is not bound or is connected, or the address is of another family.</exception>
    /// <exception cref="PunchException">No answer came.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<IPEndPoint> GetMappedAddressAsync(Socket bound, IPEndPoint stunServer, CancellationToken cancellationToken = default)
    {
        CheckUdp(bound, stunServer);
        return await MappingQuery.AskAsync(bound, Plain(stunServer), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Asks a STUN server over TCP, from a local port, for that port's mapped address. The connection stays until the result is disposed, so that the mapping lives
    /// until the punch has its own connection.
    /// </summary>
    /// <param name="localPort">The local port; 0 for any that is free.</param>
    /// <param name="stunServer">The server; the usual port is 3478.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The port and its mapped address.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is no port.</exception>
    /// <exception cref="PunchException">The port cannot be used, or no answer came.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<TcpMapping> MapTcpPortAsync(int localPort, IPEndPoint stunServer, CancellationToken cancellationToken = default)
    {
        CheckMapped(stunServer);
        var server = Plain(stunServer);
        return await MappingQuery.ConnectAsync(new IPEndPoint(AnyOf(server.AddressFamily), localPort), server, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a datagram belongs to a punch: one that comes late can be told from the program's data.</summary>
    /// <param name="datagram">The datagram.</param>
    public static bool IsPunch(ReadOnlySpan<byte> datagram) => UdpPuncher.IsPunch(datagram);

    private static IPAddress AnyOf(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;

    /// <summary>An IPv4 address that was written as an IPv6 one is an IPv4 address.</summary>
    private static IPEndPoint Plain(IPEndPoint address) => TransportAddress.FromEndPoint(address).ToEndPoint();

    private static void CheckMapped(IPEndPoint mapped)
    {
        ArgumentNullException.ThrowIfNull(mapped);
        ArgumentOutOfRangeException.ThrowIfZero(mapped.Port, nameof(mapped));
    }

    private static void CheckUdp(Socket socket, IPEndPoint remote)
    {
        ArgumentNullException.ThrowIfNull(socket);
        CheckMapped(remote);
        if (socket.SocketType != SocketType.Dgram) throw new ArgumentException("This is no UDP socket.", nameof(socket));
        if (socket.LocalEndPoint is null) throw new ArgumentException("The socket must be bound: its mapped address belongs to its port.", nameof(socket));
        if (socket.Connected) throw new ArgumentException("The socket is connected already.", nameof(socket));
        var family = Plain(remote).AddressFamily;
        bool fits = socket.AddressFamily == family || (socket.AddressFamily == AddressFamily.InterNetworkV6 && socket.DualMode);
        if (!fits) throw new ArgumentException("The socket and the address are both IPv4, or both IPv6.", nameof(remote));
    }
}
