using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>Creates TCP sockets that share a local port, and asks the system what it still has to do for one.</summary>
internal static class TcpSockets
{
    /// <summary>Connections that the system holds until they are accepted.</summary>
    private const int Backlog = 64;

    /// <summary>
    /// TCP_NOTSENT_LOWAT: how much the system may hold of what it has not sent once. The queue that counts is ours, where it can be seen; what is under way
    /// to the other side comes on top, as much as the path holds. Four or eight times as much was measured to be no faster, at 40 ms and 2 Gbit/s.
    /// </summary>
    private const int NotSentLowWater = 16 * 1024;

    /// <summary>IPPROTO_TCP.</summary>
    private const int TcpLevel = 6;

    /// <summary>TCP_NOTSENT_LOWAT of linux/tcp.h.</summary>
    private const int NotSentLowWaterOption = 25;

    /// <summary>TCP_INFO of linux/tcp.h, and where <c>struct tcp_info</c> has the state, the unacknowledged segments and the bytes not sent.</summary>
    private const int InfoOption = 11;
    private const int UnacknowledgedOffset = 24;
    private const int NotSentOffset = 144;
    private const int InfoSize = 148;

    /// <summary>A socket that is not bound yet; of its own family alone, because there is one for each local address, as with UDP.</summary>
    public static Socket Create(AddressFamily family)
    {
        var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        if (family == AddressFamily.InterNetworkV6) socket.DualMode = false;
        return socket;
    }

    /// <summary>A socket that a connection can be made with, from a port that others share.</summary>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public static Socket Bind(TransportAddress local)
    {
        var socket = Create(local.Family);
        try
        {
            Share(socket);
            socket.Bind(local.ToEndPoint());
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sets what every connection has, made or accepted.</summary>
    public static void Prepare(Socket socket)
    {
        socket.NoDelay = true;
        if (OperatingSystem.IsLinux()) socket.SetRawSocketOption(TcpLevel, NotSentLowWaterOption, BitConverter.GetBytes(NotSentLowWater));
    }

    /// <summary>A listener on a port that nobody else listens on or has for itself alone.</summary>
    /// <param name="local">The address; port 0 leaves the choice to the system.</param>
    /// <param name="shared">Whether connections can be made from its port.</param>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    /// <remarks>
    /// A socket that shares its port would share it with any other that does, of whatever program of the same user, and get half of its connections. So this
    /// one has the port to itself until it listens, and shares it only then: two programs that do the same at the same time cannot both get it. (.NET lets
    /// a plain bind pass by connections of the past, in TIME_WAIT, and by connections that share; that is as wanted: they may be our own.) Windows takes the
    /// option before the bind only, so there a socket tries the port, and leaves it again a moment before.
    /// </remarks>
    public static Socket Listen(TransportAddress local, bool shared)
    {
        bool isEarly = shared && OperatingSystem.IsWindows();
        if (isEarly)
        {
            using var probe = Listen(local, shared: false);
            local = TransportAddress.FromEndPoint((IPEndPoint)probe.LocalEndPoint!);
        }

        var socket = Create(local.Family);
        try
        {
            if (isEarly) Share(socket);
            else if (OperatingSystem.IsWindows()) socket.ExclusiveAddressUse = true;
            socket.Bind(local.ToEndPoint());
            socket.Listen(Backlog);
            if (shared && !isEarly) Share(socket);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether the other side's system has everything that was sent. Always false where the system does not say.</summary>
    public static bool IsAcknowledged(Socket socket)
    {
        if (!OperatingSystem.IsLinux()) return false;
        Span<byte> info = stackalloc byte[InfoSize];
        if (socket.GetRawSocketOption(TcpLevel, InfoOption, info) < InfoSize) return false;
        return MemoryMarshal.Read<uint>(info[UnacknowledgedOffset..]) == 0 && MemoryMarshal.Read<uint>(info[NotSentOffset..]) == 0;
    }

    /// <summary>SO_REUSEADDR and, where there is one, SO_REUSEPORT.</summary>
    private static void Share(Socket socket) => socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
}
