using System.Net;
using System.Net.Sockets;

namespace Porthole.Tests;

/// <summary>
/// Ports that nothing uses, each given once. They lie below the range from which systems take ports by themselves: no socket of a test that runs at the same time
/// gets one before it is used.
/// </summary>
internal static class FreePorts
{
    private const int First = 28_000; // servers of other tests lie below
    private const int Count = 4_700; // Linux takes ports from 32,768 on, others from 49,152 on

    // Somewhere else in each process: several may run on one machine.
    private static int s_last = Random.Shared.Next(Count);

    public static int Next()
    {
        for (int i = 0; i < Count; i++)
        {
            int port = First + (int)((uint)Interlocked.Increment(ref s_last) % Count);
            if (IsFree(SocketType.Stream, ProtocolType.Tcp, port) && IsFree(SocketType.Dgram, ProtocolType.Udp, port)) return port;
        }

        throw new InvalidOperationException("No port is free.");
    }

    private static bool IsFree(SocketType type, ProtocolType protocol, int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, type, protocol);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
