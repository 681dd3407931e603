using System.Buffers;
using System.Diagnostics;

namespace Porthole.Lab.Kernel;

/// <summary>
/// A router in user space on a TUN device: takes what the kernel routes into the device, changes or drops it, holds it for the
/// time a link would, and gives it back. It stands in for the delay module that many kernels lack.
/// </summary>
internal sealed class TunForwarder : IDisposable
{
    // As long as a datagram can be; what is routed into the device is no longer than its MTU.
    private const int MaxPacket = 65_536;

    // A link buffers about this much at most: 20,000 packets of 1,200 bytes are 24 MB, more than any window here.
    private const int MaxQueued = 20_000;

    private static readonly TimeSpan s_stopCheck = TimeSpan.FromMilliseconds(50);

    private readonly TunDevice _device;
    private readonly KernelLinkOptions _link;
    private readonly PacketTranslator? _translate;
    private readonly PriorityQueue<(byte[] Buffer, int Length), (long Due, long Order)> _queue = new();
    private readonly Random _random;
    private readonly Thread _thread;
    private long _order;
    private volatile bool _stopping;

    public TunForwarder(TunDevice device, KernelLinkOptions link, PacketTranslator? translate = null)
    {
        (_device, _link, _translate) = (device, link, translate);
#pragma warning disable CA5394 // Loss and jitter of a lab need a seed, not secrecy.
        _random = new Random(link.Seed);
#pragma warning restore CA5394
        _thread = new Thread(Run) { IsBackground = true, Name = "TUN forwarder", Priority = ThreadPriority.AboveNormal };
        _thread.Start();
    }

    /// <summary>Changes a packet in place.</summary>
    /// <returns>The new length, or 0 to drop it.</returns>
    public delegate int PacketTranslator(Span<byte> buffer, int length);

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _device.Dispose();
    }

    private void Run()
    {
        byte[] buffer = new byte[MaxPacket];
        while (!_stopping)
        {
            TimeSpan untilNext = Release();
            if (!_device.WaitReadable(untilNext < s_stopCheck ? untilNext : s_stopCheck)) continue;
            // A bounded number at a time, so that due packets are not kept waiting by a flood of new ones.
            for (int i = 0; i < 64 && _device.Read(buffer) is > 0 and var length; i++) Take(buffer, length);
        }
    }

    private void Take(byte[] buffer, int length)
    {
        if (_translate is not null)
        {
            length = _translate(buffer, length);
            if (length == 0) return;
        }
#pragma warning disable CA5394 // As above.
        if (_link.Loss > 0 && _random.NextDouble() < _link.Loss) return;
        TimeSpan delay = _link.Jitter > TimeSpan.Zero ? _link.Delay + _link.Jitter * _random.NextDouble() : _link.Delay;
#pragma warning restore CA5394
        if (delay == TimeSpan.Zero)
        {
            _device.Write(buffer.AsSpan(0, length));
            return;
        }
        if (_queue.Count >= MaxQueued) return;
        byte[] copy = ArrayPool<byte>.Shared.Rent(length);
        buffer.AsSpan(0, length).CopyTo(copy);
        long due = Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency);
        _queue.Enqueue((copy, length), (due, _order++));
    }

    /// <summary>Gives back what is due.</summary>
    /// <returns>How long until the next packet is.</returns>
    private TimeSpan Release()
    {
        while (_queue.TryPeek(out var packet, out var place))
        {
            TimeSpan wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), place.Due);
            if (wait > TimeSpan.Zero) return wait;
            _queue.Dequeue();
            _device.Write(packet.Buffer.AsSpan(0, packet.Length));
            ArrayPool<byte>.Shared.Return(packet.Buffer);
        }
        return TimeSpan.MaxValue;
    }
}
