using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>Creates bound UDP sockets with the options that every port needs.</summary>
internal static class UdpSockets
{
    /// <summary>What a path of 100 Mbit/s delivers in 300 ms: the receiving thread may be late by that much. The system may give less.</summary>
    private const int BufferSize = 4 * 1024 * 1024;

    /// <summary>How long a full send queue is waited for before what is to be sent is lost (SO_SNDTIMEO): a machine that is stuck would miss its deadlines.</summary>
    private const int SendTimeoutMilliseconds = 5;

    /// <summary>SIO_UDP_CONNRESET: off, or Windows answers every later receive with an ICMP error of one destination.</summary>
    private const int ConnectionResetControl = unchecked((int)0x9800000C);

    /// <summary>Binds a socket whose buffers are the system's: enough for a few datagrams at a time.</summary>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public static Socket Bind(TransportAddress local, int? timeToLive, bool isMulticast = false)
    {
        var socket = new Socket(local.Family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            // One socket per local address, so that the socket tells which address a datagram came to.
            if (local.IsIPv6) socket.DualMode = false;
            if (OperatingSystem.IsWindows()) socket.IOControl(ConnectionResetControl, [0, 0, 0, 0], null);
            if (timeToLive is { } hops) socket.Ttl = (short)hops;
            socket.SendTimeout = SendTimeoutMilliseconds;
            socket.Bind(local.ToEndPoint());
            if (isMulticast && !local.IsIPv6) socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, local.Address.GetAddressBytes());
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Gives a socket the buffers for data at the speed of a path.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    public static void Widen(Socket socket) => socket.ReceiveBufferSize = socket.SendBufferSize = BufferSize;

    /// <summary>Changes the hop limit of everything that is sent from now on.</summary>
    /// <returns>False when the system refuses, or the socket is closed.</returns>
    public static bool TrySetHopLimit(Socket socket, int hops)
    {
        try
        {
            socket.Ttl = (short)hops;
            return true;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Ends a blocked receive. On an unconnected socket the call fails, and wakes the receiver all the same (Linux); elsewhere closing does.</summary>
    public static void Wake(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            if (!OperatingSystem.IsLinux()) socket.Close();
        }
        catch (ObjectDisposedException)
        {
            // Closed already: nobody waits.
        }
    }
}
