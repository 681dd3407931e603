using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>UDP by blocking calls with <see cref="SocketAddress"/>: no allocation per datagram, on every system.</summary>
internal sealed class PortableUdpPort(Socket socket) : IUdpPort
{
    /// <summary>Room for the longest datagram of ours with its tunnels; longer ones are none of ours and are dropped.</summary>
    public const int MaxDatagram = 2_048;

    private const int DatagramsPerBatch = 64;

    private readonly SocketAddress _from = SocketAddresses.Create(socket.AddressFamily);
    private readonly SocketAddress _to = SocketAddresses.Create(socket.AddressFamily);
    private readonly int _ownHopLimit = socket.Ttl;
    private volatile bool _shut;

    public TransportAddress Local { get; } = TransportAddress.FromEndPoint((IPEndPoint)socket.LocalEndPoint!);

    public int BatchBufferSize => MaxDatagram * DatagramsPerBatch;

    public int BatchCapacity => DatagramsPerBatch;

    public bool Receive(ReceiveBatch batch, SocketId id)
    {
        int offset = 0;
        while (!_shut)
        {
            try
            {
                // The first call waits; the others take what has arrived meanwhile.
                if (batch.Count > 0 && (batch.Room == 0 || socket.Available == 0)) return true;
                int length = socket.ReceiveFrom(batch.Memory.Span.Slice(offset, MaxDatagram), SocketFlags.None, _from);
                if (length is 0 or MaxDatagram) continue;
                batch.Add(new ReceivedDatagram(id, SocketAddresses.Read(_from.Buffer.Span, socket.AddressFamily), offset, length));
                offset += length;
            }
            catch (SocketException exception) when (!_shut)
            {
                // An ICMP answer to something sent before, or a datagram too long for the buffer: the network may say anything at any time. Anything else may stay,
                // and must not take a core.
                if (exception.SocketErrorCode is not (SocketError.MessageSize or SocketError.ConnectionReset)) Thread.Sleep(1);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>Takes one datagram that is known to be there.</summary>
    /// <param name="buffer">Room for it: <see cref="MaxDatagram"/> bytes.</param>
    /// <param name="remote">Who sent it.</param>
    /// <returns>Its length in bytes; 0 when it is none of ours.</returns>
    public int ReceiveOne(Span<byte> buffer, out TransportAddress remote)
    {
        remote = default;
        try
        {
            int length = socket.ReceiveFrom(buffer[..MaxDatagram], SocketFlags.None, _from);
            remote = SocketAddresses.Read(_from.Buffer.Span, socket.AddressFamily);
            return length == MaxDatagram ? 0 : length;
        }
        catch (SocketException)
        {
            Thread.Sleep(1); // what passes is met again at once, what stays must not take a core
            return 0;
        }
    }

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit)
    {
        if (remote.Family != socket.AddressFamily) return;
        SocketAddresses.Write(remote, _to.Buffer.Span);
        if (hopLimit > 0 && !UdpSockets.TrySetHopLimit(socket, hopLimit)) return;
        Send(bytes, segmentSize);
        if (hopLimit > 0) UdpSockets.TrySetHopLimit(socket, _ownHopLimit); // this thread is the only one that sends: no other datagram met the limit
    }

    public void Shut()
    {
        _shut = true;
        UdpSockets.Wake(socket);
    }

    public void Dispose() => socket.Dispose();

    private void Send(ReadOnlySpan<byte> bytes, int segmentSize)
    {
        for (; bytes.Length > 0; bytes = bytes[Math.Min(segmentSize, bytes.Length)..])
        {
            // The first call may only have been told of an ICMP error about an earlier datagram.
            var segment = bytes[..Math.Min(segmentSize, bytes.Length)];
            var error = TrySend(segment);
            if (error is SocketError.ConnectionRefused or SocketError.HostUnreachable or SocketError.NetworkUnreachable) error = TrySend(segment);
            if (error != SocketError.Success) return; // no route, a full queue, a firewall: the segments count as lost
        }
    }

    private SocketError TrySend(ReadOnlySpan<byte> segment)
    {
        try
        {
            socket.SendTo(segment, SocketFlags.None, _to);
            return SocketError.Success;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.NotSocket;
        }
    }
}
