using System.Net.Sockets;
using System.Runtime.InteropServices;
using Porthole.Protocol;
using static Porthole.Sockets.LinuxUdp;

namespace Porthole.Sockets;

/// <summary>
/// The ICMP errors about what a UDP socket has sent (IP_RECVERR of ip(7)). Linux then also fails the socket's next call with each of them, so a watched socket is
/// drained whenever it wakes its thread; one that carries a path is not watched.
/// </summary>
internal static unsafe class LinuxErrorQueue
{
    /// <summary>IP_RECVERR and IPV6_RECVERR, as options and as control messages.</summary>
    private const int IPErrors = 11, IPv6Errors = 25;

    /// <summary>SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: a router or a host has sent it, not this system.</summary>
    private const byte Icmp = 2, Icmpv6 = 3;

    /// <summary>Destination unreachable (RFC 792; RFC 4443 section 3.1). A time to live that ended is no such thing: openers mean it to end.</summary>
    private const byte IcmpUnreachable = 3, Icmpv6Unreachable = 1;

    /// <summary>Fragmentation needed (RFC 1191 section 4): the packet was too long, and nobody minds it.</summary>
    private const byte IcmpTooLong = 4;

    /// <summary>Where the origin, the type and the code are in <c>struct sock_extended_err</c>, behind the header of the control message.</summary>
    private const int Origin = ControlHeaderSize + 4, Type = ControlHeaderSize + 5, Code = ControlHeaderSize + 6;

    /// <summary>Room for the header, the error, and the address of who sent it.</summary>
    private const int ControlSize = 128;

    /// <summary>The most that are taken at a time: a flood of errors must not keep the thread from the other sockets.</summary>
    private const int MaxAtOnce = 64;

    /// <summary>Whether this system has the calls.</summary>
    public static bool IsSupported => LinuxUdpPort.IsSupported;

    /// <summary>Begins or ends to watch a socket. What waits when it ends is dropped.</summary>
    /// <returns>False when the system refuses.</returns>
    public static bool TrySet(Socket socket, bool isOn)
    {
        bool isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        int value = isOn ? 1 : 0;
        try
        {
            socket.SetRawSocketOption(isIPv6 ? IPv6Level : IPLevel, isIPv6 ? IPv6Errors : IPErrors, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Takes the errors that wait, and delivers those that say that a datagram did not arrive.</summary>
    public static void Drain(Socket socket, SocketId id, ISocketInbox inbox)
    {
        byte* name = stackalloc byte[SocketAddresses.IPv6Size];
        byte* control = stackalloc byte[ControlSize];
        byte start; // of the datagram that the error is about: nobody reads it
        var vector = new Vector { Base = &start, Length = 1 };
        int descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        for (int i = 0; i < MaxAtOnce; i++)
        {
            var header = new MessageHeader
            {
                Name = name,
                NameLength = SocketAddresses.IPv6Size,
                Vectors = &vector,
                VectorCount = 1,
                Control = control,
                ControlLength = ControlSize,
            };
            if (ReceiveMessage(descriptor, &header, ErrorQueue | DontWait) < 0) return;
            if (header.ControlLength <= Code || header.NameLength == 0 || !IsUnreachable(control)) continue;
            inbox.Deliver(new SocketEvent.Unreachable(id, SocketAddresses.Read(new ReadOnlySpan<byte>(name, SocketAddresses.IPv6Size), socket.AddressFamily)));
        }
    }

    /// <summary>Whether a datagram waits: an error that waits makes a socket look readable too.</summary>
    public static bool HasDatagram(Socket socket)
    {
        var poll = new PollDescriptor { Descriptor = (int)socket.SafeHandle.DangerousGetHandle(), Events = PollIn };
        return Poll(&poll, 1, 0) > 0 && (poll.Happened & PollIn) != 0;
    }

    private static bool IsUnreachable(byte* control)
    {
        bool isError = (*(int*)(control + 8), *(int*)(control + 12)) is (IPLevel, IPErrors) or (IPv6Level, IPv6Errors);
        return isError && (control[Origin], control[Type], control[Code]) switch
        {
            (Icmp, IcmpUnreachable, var code) => code != IcmpTooLong,
            (Icmpv6, Icmpv6Unreachable, _) => true,
            _ => false,
        };
    }
}
