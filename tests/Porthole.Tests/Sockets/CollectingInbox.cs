using System.Collections.Concurrent;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>An inbox that keeps what arrives, and lets a test wait for it, bounded.</summary>
internal sealed class CollectingInbox : TestInbox
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _arrived = new(0);
    private readonly ConcurrentQueue<(TransportAddress Remote, byte[] Bytes)> _datagrams = new();
    private readonly ConcurrentQueue<SocketEvent> _events = new();
    private readonly SemaphoreSlim _happened = new(0);
    private readonly ConcurrentQueue<INetworkSocket> _accepted = new();

    public int Datagrams => _datagrams.Count;

    public int Events => _events.Count;

    public override void Deliver(ReceiveBatch batch)
    {
        foreach (var datagram in batch.Datagrams.Datagrams)
        {
            _datagrams.Enqueue((datagram.Remote, batch.Datagrams.Bytes(datagram).ToArray()));
            _arrived.Release();
        }

        batch.Release();
    }

    public override void Deliver(SocketEvent socketEvent)
    {
        _events.Enqueue(socketEvent);
        _happened.Release();
    }

    public override bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote)
    {
        _accepted.Enqueue(socket);
        Deliver(new SocketEvent.Accepted(listener, socket.Id, remote));
        return true;
    }

    public async Task<(INetworkSocket Socket, TransportAddress Remote)> NextAcceptedAsync()
    {
        var accepted = await NextEventAsync<SocketEvent.Accepted>();
        Assert.True(_accepted.TryDequeue(out var socket));
        Assert.Equal(accepted.Socket, socket.Id);
        return (socket, accepted.Remote);
    }

    public async Task<(TransportAddress Remote, byte[] Bytes)> NextDatagramAsync()
    {
        Assert.True(await _arrived.WaitAsync(Patience, TestContext.Current.CancellationToken), "No datagram arrived.");
        Assert.True(_datagrams.TryDequeue(out var datagram));
        return datagram;
    }

    public async Task<TEvent> NextEventAsync<TEvent>()
        where TEvent : SocketEvent
    {
        Assert.True(await _happened.WaitAsync(Patience, TestContext.Current.CancellationToken), "No event arrived.");
        Assert.True(_events.TryDequeue(out var socketEvent));
        return Assert.IsType<TEvent>(socketEvent, exactMatch: false);
    }
}
