using System.Net;
using System.Net.Sockets;

namespace Porthole.Punching;

/// <summary>Punches between two peers that have a session: it carries the addresses, and a secret that no one else knows.</summary>
public static partial class HolePuncher
{
    /// <summary>
    /// Punches a raw UDP socket beside a session: both sides call it on their end of the connection, however that was made (by name, by id, by a pairing code). Each
    /// asks its own server for the socket's mapped address and tells it the other over a stream of the session; the cookie is drawn for this one punch.
    /// </summary>
    /// <remarks>
    /// What comes out is not encrypted, but only the peer of the session can be at the other end. The session goes on, and is not needed any more. The stream is
    /// opened by the side that made the connection: no other stream may be accepted at the same time.
    /// </remarks>
    /// <param name="connection">The session.</param>
    /// <param name="bound">A bound UDP socket.</param>
    /// <param name="options">Tries and times; null for the defaults. Its cookie is not used.</param>
    /// <param name="progress">Is told each step.</param>
    /// <param name="cancellationToken">Gives up; the socket is then as it was.</param>
    /// <returns>The same socket, connected to the peer.</returns>
    /// <exception cref="ArgumentException">The socket is no UDP socket, is not bound, or is connected.</exception>
    /// <exception cref="PeerException">The session ended meanwhile.</exception>
    /// <exception cref="PunchException">It failed; the socket is as it was.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<Socket> PunchUdpAsync(
        PeerConnection connection, Socket bound, UdpHoleOptions? options = null, IProgress<PunchProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(bound);
        var server = await AddressExchange.FindServerAsync(connection, bound.AddressFamily).ConfigureAwait(false);
        progress?.Report(new PunchProgress(PunchStep.Mapping, 0, server, TimeSpan.Zero));
        var mapped = await GetMappedAddressAsync(bound, server, cancellationToken).ConfigureAwait(false);
        var (remote, cookie) = await AddressExchange.RunAsync(connection, "udp", (IPEndPoint)bound.LocalEndPoint!, mapped, server, cancellationToken).ConfigureAwait(false);
        return await PunchUdpAsync(bound, remote, (options ?? new UdpHoleOptions()) with { Cookie = cookie }, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Punches a raw TCP connection beside a session, from a port of its own; see
    /// <see cref="PunchUdpAsync(PeerConnection, Socket, UdpHoleOptions?, IProgress{PunchProgress}?, CancellationToken)"/>.
    /// </summary>
    /// <param name="connection">The session.</param>
    /// <param name="options">Tries and times; null for the defaults. Its cookie is not used.</param>
    /// <param name="progress">Is told each step.</param>
    /// <param name="cancellationToken">Gives up, and closes what was opened.</param>
    /// <returns>A connected socket, at the first byte of the other program.</returns>
    /// <exception cref="PeerException">The session ended meanwhile.</exception>
    /// <exception cref="PunchException">It failed; nothing stays open.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing stays open.</exception>
    public static async Task<Socket> PunchTcpAsync(
        PeerConnection connection, TcpHoleOptions? options = null, IProgress<PunchProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        var server = await AddressExchange.FindServerAsync(connection, AddressFamily.InterNetwork).ConfigureAwait(false);
        progress?.Report(new PunchProgress(PunchStep.Mapping, 0, server, TimeSpan.Zero));
        using var mapping = await MapTcpPortAsync(0, server, cancellationToken).ConfigureAwait(false);
        var (remote, cookie) = await AddressExchange.RunAsync(connection, "tcp", mapping.Local, mapping.Mapped, server, cancellationToken).ConfigureAwait(false);
        return await PunchTcpAsync(mapping.Local, remote, (options ?? new TcpHoleOptions()) with { Cookie = cookie }, progress, cancellationToken).ConfigureAwait(false);
    }
}
