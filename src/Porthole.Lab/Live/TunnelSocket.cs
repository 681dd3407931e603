using System.Buffers;
using System.Collections.Concurrent;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Lab.Live;

/// <summary>A UDP socket whose datagrams all go to and come from a lab NAT, with the far address before each. It stands on a socket of the real network.</summary>
internal sealed class TunnelSocket : INetworkSocket, ISocketInbox
{
    private const int BatchCapacity = 64;

    private readonly TransportAddress _gateway;
    private readonly ISocketInbox _inbox;
    private readonly ConcurrentBag<ReceiveBatch> _free = [];
    private INetworkSocket _socket = null!;

    private TunnelSocket(SocketId id, TransportAddress gateway, ISocketInbox inbox) => (Id, _gateway, _inbox) = (id, gateway, inbox);

    public SocketId Id { get; }

    public Task Closed => _socket.Closed;

    public InstantClock Clock => _inbox.Clock;

    public static TunnelSocket Open(SocketRequest.UdpBind request, TransportAddress host, TransportAddress gateway, ISocketInbox inbox, INetwork real)
    {
        var tunnel = new TunnelSocket(request.Socket, gateway, inbox);
        // Whatever local address was asked for, this host has but one.
        tunnel._socket = real.Open(request with { Local = host.WithPort(request.Local.Port) }, tunnel);
        return tunnel;
    }

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
        // The NAT is the one router on the way: what may pass no router ends there, unseen.
        if (hopLimit == 1) return;
        byte[] framed = ArrayPool<byte>.Shared.Rent(TunnelHeader.MaxSize + Math.Min(segmentSize, bytes.Length));
        int header = TunnelHeader.Write(framed, remote);
        while (!bytes.IsEmpty)
        {
            var segment = bytes[..Math.Min(segmentSize, bytes.Length)];
            bytes = bytes[segment.Length..];
            segment.CopyTo(framed.AsSpan(header));
            _socket.Send(_gateway, framed.AsSpan(0, header + segment.Length), header + segment.Length);
        }
        ArrayPool<byte>.Shared.Return(framed);
    }

    public void Close(bool abortive) => _socket.Close(abortive);

    public SocketId NextAcceptedId() => _inbox.NextAcceptedId();

    public bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote) => _inbox.Accept(listener, socket, remote);

    public void Deliver(ReceiveBatch batch)
    {
        var own = _free.TryTake(out var kept) && kept.Memory.Length >= batch.Memory.Length && kept.Room >= batch.Count
            ? kept
            : new ReceiveBatch(batch.Memory.Length, Math.Max(BatchCapacity, batch.Count), _free.Add);
        int offset = 0;
        foreach (var datagram in batch.Datagrams.Datagrams)
        {
            var bytes = batch.Datagrams.Bytes(datagram);
            // Anything but the NAT cannot reach a host inside.
            if (datagram.Remote != _gateway || !TunnelHeader.TryRead(bytes, out var from, out int header)) continue;
            bytes[header..].CopyTo(own.Memory.Span[offset..]);
            own.Add(new ReceivedDatagram(Id, from, offset, bytes.Length - header));
            offset += bytes.Length - header;
        }
        batch.Release();
        if (own.Count > 0) _inbox.Deliver(own);
        else own.Release();
    }

    public void Deliver(SocketEvent socketEvent) => _inbox.Deliver(socketEvent);
}
