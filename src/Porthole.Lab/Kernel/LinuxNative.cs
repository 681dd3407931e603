using System.Runtime.InteropServices;

namespace Porthole.Lab.Kernel;

/// <summary>The system calls that .NET does not offer: changing the network namespace of a thread, TUN devices, poll.</summary>
internal static partial class LinuxNative
{
    // fcntl.h, sched.h, linux/if_tun.h and poll.h of Linux on x86-64 and arm64.
    public const int OpenReadOnlyCloseOnExec = 0x80000;
    public const int OpenReadWriteCloseOnExec = 0x80002;
    public const int CloneNewNetwork = 0x4000_0000;
    public const nuint TunSetInterface = 0x4004_54CA;
    public const short TunWithoutPacketInformation = 0x1001; // IFF_TUN | IFF_NO_PI: bare IP packets
    public const short PollIn = 1;
    public const int InterfaceNameSize = 16;
    public const int InterfaceRequestSize = 40;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNamespace(int descriptor, int kind);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static unsafe partial int InterfaceControl(int descriptor, nuint request, byte* argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static unsafe partial nint Read(int descriptor, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static unsafe partial nint Write(int descriptor, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    public static unsafe partial int Poll(PollDescriptor* descriptors, nuint count, TimeSpecification* timeout, void* signals);

    [StructLayout(LayoutKind.Sequential)]
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpecification
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
