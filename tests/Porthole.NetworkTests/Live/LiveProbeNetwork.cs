using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Porthole.Lab.Live;
using Porthole.Lab.Probe;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Live;

/// <summary>Both sides of a lab NAT: hosts that send through its tunnel, and plain sockets outside.</summary>
internal sealed class LiveProbeNetwork(TransportAddress gateway, ImmutableArray<TransportAddress> inside, ImmutableArray<TransportAddress> outside)
    : IProbeNetwork, IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<TransportAddress, Socket> _sockets = [];

    public ImmutableArray<TransportAddress> Inside => inside;

    public ImmutableArray<TransportAddress> Outside => outside;

    public void Open(TransportAddress local)
    {
        var socket = new Socket(local.Family, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(local.ToEndPoint());
        _sockets.Add(local, socket);
    }

    public void Send(TransportAddress from, TransportAddress to, uint number)
    {
        byte[] packet = new byte[TunnelHeader.MaxSize + sizeof(uint)];
        int header = IsInside(from) ? TunnelHeader.Write(packet, to) : 0;
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(header), number);
        _sockets[from].SendTo(packet.AsSpan(0, header + sizeof(uint)), (IsInside(from) ? gateway : to).ToEndPoint());
    }

    public bool TryReceive(TransportAddress at, uint number, out TransportAddress from)
    {
        byte[] packet = new byte[64];
        while (_sockets[at].Poll(s_patience, SelectMode.SelectRead))
        {
            EndPoint sender = new IPEndPoint(IPAddress.Any, 0);
            int length = _sockets[at].ReceiveFrom(packet, ref sender);
            from = TransportAddress.FromEndPoint((IPEndPoint)sender);
            int header = 0;
            if (IsInside(at)) Assert.True(TunnelHeader.TryRead(packet.AsSpan(0, length), out from, out header));
            if (BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(header)) == number) return true;
        }
        from = default;
        return false;
    }

    public void Wait(TimeSpan duration) => Thread.Sleep(duration);

    public void Dispose()
    {
        foreach (var socket in _sockets.Values) socket.Dispose();
    }

    private bool IsInside(TransportAddress address) => inside.Any(address.SameHost);
}
