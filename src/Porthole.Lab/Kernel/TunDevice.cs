using System.Runtime.InteropServices;
using System.Text;

namespace Porthole.Lab.Kernel;

/// <summary>A TUN device: the kernel routes IP packets into it, and what is written to it comes out as if received from a wire.</summary>
internal sealed class TunDevice : IDisposable
{
    private const int NonBlocking = 0x800; // O_NONBLOCK

    private int _descriptor;

    private TunDevice(int descriptor) => _descriptor = descriptor;

    /// <summary>Creates a device in a namespace. It disappears with the object.</summary>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public static TunDevice Open(NetworkNamespace space, string name) => space.Invoke(() =>
    {
        int descriptor = LinuxNative.Open("/dev/net/tun", LinuxNative.OpenReadWriteCloseOnExec | NonBlocking);
        if (descriptor < 0) throw new KernelLabException($"/dev/net/tun: {Marshal.GetLastPInvokeErrorMessage()}.");
        Span<byte> request = stackalloc byte[LinuxNative.InterfaceRequestSize];
        request.Clear();
        Encoding.ASCII.GetBytes(name, request[..(LinuxNative.InterfaceNameSize - 1)]);
        MemoryMarshal.Write(request[LinuxNative.InterfaceNameSize..], LinuxNative.TunWithoutPacketInformation);
        unsafe
        {
            fixed (byte* pointer = request)
            {
                if (LinuxNative.InterfaceControl(descriptor, LinuxNative.TunSetInterface, pointer) < 0)
                {
                    var failure = new KernelLabException($"TUN device {name}: {Marshal.GetLastPInvokeErrorMessage()}.");
                    _ = LinuxNative.Close(descriptor);
                    throw failure;
                }
            }
        }
        return new TunDevice(descriptor);
    });

    /// <summary>Waits until a packet can be read or the time has passed.</summary>
    public unsafe bool WaitReadable(TimeSpan limit)
    {
        var entry = new LinuxNative.PollDescriptor { Descriptor = _descriptor, Events = LinuxNative.PollIn };
        var time = new LinuxNative.TimeSpecification
        {
            Seconds = (nint)(limit.Ticks / TimeSpan.TicksPerSecond),
            Nanoseconds = (nint)(limit.Ticks % TimeSpan.TicksPerSecond * 100),
        };
        return LinuxNative.Poll(&entry, 1, &time, null) > 0;
    }

    /// <summary>Reads one packet.</summary>
    /// <returns>Its length, or 0 when none is waiting.</returns>
    public unsafe int Read(Span<byte> buffer)
    {
        fixed (byte* pointer = buffer) return (int)Math.Max(0, LinuxNative.Read(_descriptor, pointer, buffer.Length));
    }

    /// <summary>Writes one packet. Like a wire it does not say whether the packet was wanted.</summary>
    public unsafe void Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* pointer = packet) _ = LinuxNative.Write(_descriptor, pointer, packet.Length);
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0) _ = LinuxNative.Close(descriptor);
    }
}
