using System.Runtime.InteropServices;
using Porthole.Protocol;
using static Porthole.Sockets.LinuxUdp;

namespace Porthole.Sockets;

internal sealed unsafe partial class LinuxUdpPort
{
    /// <summary>The message headers of the sending thread.</summary>
    private sealed class Sender
    {
        /// <summary>
        /// How long a full send queue is waited for. Then what is to be sent is lost, as on a full queue further on: a session slows down by it, whereas a machine that
        /// is stuck behind a slow link would miss its deadlines.
        /// </summary>
        private const int PatienceMilliseconds = 5;

        /// <summary>A control message of a small number: header, up to four bytes, padding to a word.</summary>
        private const int NumberControlSize = ControlHeaderSize + 8;

        private readonly byte[] _memory = GC.AllocateArray<byte>(
            DatagramBatchWriter.MaxSegments * (sizeof(Message) + sizeof(Vector)) + 2 * NumberControlSize + SocketAddresses.IPv6Size, pinned: true);

        private readonly Message* _messages;
        private readonly Vector* _vectors;
        private readonly byte* _hopControl;
        private readonly byte* _segmentControl;
        private readonly byte* _name;
        private readonly uint _nameLength;
        private bool _limitsHops;

        public Sender(bool isIPv6)
        {
            byte* start = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
            _messages = (Message*)start;
            _vectors = (Vector*)(start + DatagramBatchWriter.MaxSegments * sizeof(Message));
            // The two lie together in this order, so that any of them and both are one stretch of memory.
            _hopControl = (byte*)(_vectors + DatagramBatchWriter.MaxSegments);
            _segmentControl = _hopControl + NumberControlSize;
            _name = _segmentControl + NumberControlSize;
            _nameLength = (uint)(isIPv6 ? SocketAddresses.IPv6Size : SocketAddresses.IPv4Size);
            *(ushort*)_name = (ushort)(isIPv6 ? LinuxFamily.InterNetworkV6 : LinuxFamily.InterNetwork);
            WriteControlHeader(_hopControl, sizeof(int), isIPv6 ? IPv6Level : IPLevel, isIPv6 ? IPv6HopLimit : IPTimeToLive);
            WriteControlHeader(_segmentControl, sizeof(ushort), SolUdp, UdpSegment);
        }

        /// <summary>Says where the next datagrams go, and how far (0: as far as the socket's own hop limit).</summary>
        public void Address(TransportAddress remote, int hopLimit)
        {
            SocketAddresses.Write(remote, new Span<byte>(_name, (int)_nameLength));
            _limitsHops = hopLimit > 0;
            *(int*)(_hopControl + ControlHeaderSize) = hopLimit;
        }

        /// <summary>One call, cut by the kernel or the device.</summary>
        public bool SendSegments(int descriptor, byte* data, int length, int segmentSize)
        {
            *(ushort*)(_segmentControl + ControlHeaderSize) = (ushort)segmentSize;
            var vector = new Vector { Base = data, Length = (nuint)length };
            var header = Header(&vector);
            if (!_limitsHops) header.Control = _segmentControl;
            header.ControlLength += NumberControlSize;
            if (SendMessage(descriptor, &header, DontWait) >= 0) return true;
            return IsRoomAgain(descriptor) && SendMessage(descriptor, &header, DontWait) >= 0;
        }

        /// <summary>One call for all datagrams. What the kernel does not take is lost.</summary>
        public void SendSingly(int descriptor, byte* data, int length, int segmentSize)
        {
            int count = 0;
            for (int offset = 0; offset < length && count < DatagramBatchWriter.MaxSegments; offset += segmentSize, count++)
            {
                _vectors[count] = new Vector { Base = data + offset, Length = (nuint)Math.Min(segmentSize, length - offset) };
                _messages[count].Header = Header(_vectors + count);
            }

            for (int sent = 0; sent < count;)
            {
                int taken = SendMessages(descriptor, _messages + sent, (uint)(count - sent), DontWait);
                if (taken <= 0 && !IsRoomAgain(descriptor)) return;
                sent += Math.Max(0, taken);
            }
        }

        /// <summary>After a send that failed: whether it failed for a full queue, in which there is room now.</summary>
        private static bool IsRoomAgain(int descriptor)
        {
            if (Marshal.GetLastPInvokeError() != Errno.WouldBlock) return false;
            var poll = new PollDescriptor { Descriptor = descriptor, Events = PollOut };
            return Poll(&poll, 1, PatienceMilliseconds) > 0 && poll.Happened == PollOut;
        }

        private static void WriteControlHeader(byte* control, int size, int level, int type)
        {
            *(nuint*)control = (nuint)(ControlHeaderSize + size);
            *(int*)(control + 8) = level;
            *(int*)(control + 12) = type;
        }

        private MessageHeader Header(Vector* vector) => new()
        {
            Name = _name,
            NameLength = _nameLength,
            Vectors = vector,
            VectorCount = 1,
            Control = _limitsHops ? _hopControl : null,
            ControlLength = _limitsHops ? NumberControlSize : 0u,
        };
    }

    /// <summary>AF_INET and AF_INET6 of Linux.</summary>
    private static class LinuxFamily
    {
        public const int InterNetwork = 2;
        public const int InterNetworkV6 = 10;
    }
}
