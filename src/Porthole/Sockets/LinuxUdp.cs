using System.Runtime.InteropServices;

namespace Porthole.Sockets;

/// <summary>The system calls and structures of <c>recvmmsg(2)</c>, <c>sendmmsg(2)</c> and <c>udp(7)</c>, for 64-bit Linux.</summary>
internal static unsafe partial class LinuxUdp
{
    /// <summary>SOL_UDP.</summary>
    public const int SolUdp = 17;

    /// <summary>UDP_SEGMENT: the size of the segments that one send is cut into.</summary>
    public const int UdpSegment = 103;

    /// <summary>UDP_GRO: receive several datagrams of one sender as one, with their size beside it.</summary>
    public const int UdpGro = 104;

    /// <summary>IPPROTO_IP and IP_TTL, as a control message: the time to live of one IPv4 packet.</summary>
    public const int IPLevel = 0, IPTimeToLive = 2;

    /// <summary>IPPROTO_IPV6 and IPV6_HOPLIMIT, as a control message: the hop limit of one IPv6 packet (RFC 3542 section 6.3).</summary>
    public const int IPv6Level = 41, IPv6HopLimit = 52;

    /// <summary>MSG_WAITFORONE: wait for the first message only.</summary>
    public const int WaitForOne = 0x10000;

    /// <summary>MSG_DONTWAIT: fail instead of waiting.</summary>
    public const int DontWait = 0x40;

    /// <summary>MSG_ERRQUEUE: take an error that waits in place of a datagram.</summary>
    public const int ErrorQueue = 0x2000;

    /// <summary>POLLIN: there is something to receive.</summary>
    public const short PollIn = 0x1;

    /// <summary>POLLOUT: there is room to send.</summary>
    public const short PollOut = 0x4;

    /// <summary>MSG_TRUNC: the datagram was longer than the buffer.</summary>
    public const int Truncated = 0x20;

    /// <summary>The length of a control message's header: length, level, type.</summary>
    public const int ControlHeaderSize = 16;

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(int descriptor, Message* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(int descriptor, Message* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(int descriptor, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(int descriptor, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, int timeoutMilliseconds);

    /// <summary><c>struct pollfd</c>.</summary>
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }

    /// <summary>Values of <c>errno</c>.</summary>
    public static class Errno
    {
        public const int Interrupted = 4;
        public const int InputOutput = 5;
        public const int BadDescriptor = 9;
        public const int WouldBlock = 11;
        public const int InvalidArgument = 22;
        public const int MessageTooLong = 90;
    }

    /// <summary><c>struct iovec</c>.</summary>
    public struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    public struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct mmsghdr</c>.</summary>
    public struct Message
    {
        public MessageHeader Header;
        public uint Length;
    }
}
