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

        /// <summary>The control message that carries the segment size: header, two bytes, padding to a word.</summary>
        private const int SegmentControlSize = ControlHeaderSize + 8;

        private readonly byte[] _memory = GC.AllocateArray<byte>(
            DatagramBatchWriter.MaxSegments * (sizeof(Message) + sizeof(Vector)) + SegmentControlSize + SocketAddresses.IPv6Size, pinned: true);

        private readonly Message* _messages;
        private readonly Vector* _vectors;
        private readonly byte* _control;
        private readonly byte* _name;
        private readonly uint _nameLength;

        public Sender(bool isIPv6)
        {
            byte* start = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
            _messages = (Message*)start;
            _vectors = (Vector*)(start + DatagramBatchWriter.MaxSegments * sizeof(Message));
            _control = (byte*)(_vectors + DatagramBatchWriter.MaxSegments);
            _name = _control + SegmentControlSize;
            _nameLength = (uint)(isIPv6 ? SocketAddresses.IPv6Size : SocketAddresses.IPv4Size);
            *(ushort*)_name = (ushort)(isIPv6 ? LinuxFamily.InterNetworkV6 : LinuxFamily.InterNetwork);
            *(nuint*)_control = ControlHeaderSize + sizeof(ushort);
            *(int*)(_control + 8) = SolUdp;
            *(int*)(_control + 12) = UdpSegment;
        }

        public void Address(TransportAddress remote) => SocketAddresses.Write(remote, new Span<byte>(_name, (int)_nameLength));

        /// <summary>One call, cut by the kernel or the device.</summary>
        public bool SendSegments(int descriptor, byte* data, int length, int segmentSize)
        {
            *(ushort*)(_control + ControlHeaderSize) = (ushort)segmentSize;
            var vector = new Vector { Base = data, Length = (nuint)length };
            var header = Header(&vector);
            header.Control = _control;
            header.ControlLength = SegmentControlSize;
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

        private MessageHeader Header(Vector* vector) => new() { Name = _name, NameLength = _nameLength, Vectors = vector, VectorCount = 1 };
    }

    /// <summary>AF_INET and AF_INET6 of Linux.</summary>
    private static class LinuxFamily
    {
        public const int InterNetwork = 2;
        public const int InterNetworkV6 = 10;
    }
}
