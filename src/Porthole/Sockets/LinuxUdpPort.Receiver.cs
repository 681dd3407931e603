using System.Runtime.InteropServices;
using Porthole.Protocol;
using static Porthole.Sockets.LinuxUdp;

namespace Porthole.Sockets;

internal sealed unsafe partial class LinuxUdpPort
{
    /// <summary>The message headers of the receiving thread; they live as long as the port, outside of the collector's reach.</summary>
    private sealed class Receiver
    {
        private readonly byte[] _memory = GC.AllocateArray<byte>(Messages * (sizeof(Message) + sizeof(Vector) + SocketAddresses.IPv6Size + ControlSize), pinned: true);
        private readonly Message* _messages;
        private readonly Vector* _vectors;
        private readonly byte* _names;
        private readonly byte* _controls;

        public Receiver()
        {
            byte* start = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
            _messages = (Message*)start;
            _vectors = (Vector*)(start + Messages * sizeof(Message));
            _controls = (byte*)(_vectors + Messages);
            _names = _controls + Messages * ControlSize;
        }

        public int Receive(int descriptor, byte* buffer)
        {
            for (int i = 0; i < Messages; i++)
            {
                _vectors[i] = new Vector { Base = buffer + i * MessageSize, Length = MessageSize };
                _messages[i].Header = new MessageHeader
                {
                    Name = _names + i * SocketAddresses.IPv6Size,
                    NameLength = SocketAddresses.IPv6Size,
                    Vectors = _vectors + i,
                    VectorCount = 1,
                    Control = _controls + i * ControlSize,
                    ControlLength = ControlSize,
                };
            }

            return ReceiveMessages(descriptor, _messages, Messages, WaitForOne, null);
        }

        /// <summary>Cuts one received message into the datagrams it is made of.</summary>
        public void AddTo(ReceiveBatch batch, SocketId id, int index, bool isIPv6)
        {
            ref var message = ref _messages[index];
            int length = (int)message.Length;
            if (length == 0 || (message.Header.Flags & Truncated) != 0) return;
            var name = new ReadOnlySpan<byte>(message.Header.Name, SocketAddresses.IPv6Size);
            var remote = SocketAddresses.Read(name, isIPv6 ? System.Net.Sockets.AddressFamily.InterNetworkV6 : System.Net.Sockets.AddressFamily.InterNetwork);
            int segment = SegmentSize(message.Header);
            if (segment <= 0 || segment > length) segment = length;
            int start = index * MessageSize;
            for (int offset = 0; offset < length && batch.Room > 0; offset += segment)
            {
                batch.Add(new ReceivedDatagram(id, remote, start + offset, Math.Min(segment, length - offset)));
            }
        }

        /// <summary>The UDP_GRO control message; 0 when the message is a single datagram.</summary>
        private static int SegmentSize(in MessageHeader header)
        {
            if (header.ControlLength < ControlHeaderSize + sizeof(int)) return 0;
            byte* control = header.Control;
            return *(int*)(control + 8) == SolUdp && *(int*)(control + 12) == UdpGro ? *(int*)(control + ControlHeaderSize) : 0;
        }
    }
}
