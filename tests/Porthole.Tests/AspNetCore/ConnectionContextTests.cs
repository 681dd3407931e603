using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Porthole.AspNetCore;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests.AspNetCore;

/// <summary>A stream as a connection of ASP.NET Core, given to a handler that knows of no peers.</summary>
public sealed class ConnectionContextTests : IAsyncLifetime
{
    private LoopbackPeers _peers = null!;
    private PeerNode _bob = null!;
    private PeerNode _alice = null!;
    private PeerConnection _toBob = null!;
    private PeerConnection _toAlice = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _peers = await LoopbackPeers.StartAsync();
        _bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        _alice = await _peers.StartAsync("alice");
        _toBob = await _alice.ConnectAsync("bob", Token);
        _toAlice = await _bob.AcceptAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);
    }

    public ValueTask DisposeAsync() => _peers.DisposeAsync();

    [Fact]
    public async Task A_handler_of_connections_serves_a_peer()
    {
        var (stream, context) = await OpenAsync();
        var serving = new Echo().OnConnectedAsync(context);
        await stream.WriteAsync("there and "u8.ToArray(), Token);
        await stream.WriteAsync("back"u8.ToArray(), Token);
        stream.CompleteWrites();
        Assert.Equal("\0there and back", await new StreamReader(stream).ReadToEndAsync(Token).WaitAsync(LoopbackPeers.Patience, Token));
        await serving.WaitAsync(LoopbackPeers.Patience, Token);

        Assert.Equal((_bob.Id, "bob"), Of(context.LocalEndPoint));
        Assert.Equal((_alice.Id, "alice"), Of(context.RemoteEndPoint));
        var (_, other) = await OpenAsync();
        Assert.NotEqual(context.ConnectionId, other.ConnectionId);
        Assert.Same(context.Transport, context.Features.Get<IConnectionTransportFeature>()!.Transport);
        Assert.Same(_toAlice, context.Features.Get<IPortholeConnectionFeature>()!.Connection);
        context.Features.Get<IConnectionItemsFeature>()!.Items["key"] = "value";
        Assert.Equal("value", context.Items["key"]);
        await other.DisposeAsync();
        await context.DisposeAsync();
        await context.DisposeAsync(); // may be done twice
    }

    [Fact]
    public async Task A_handler_that_aborts_is_told_from_one_that_ends()
    {
        var (stream, context) = await OpenAsync();
        context.Abort();
        var aborted = await Assert.ThrowsAsync<PeerException>(() => stream.CopyToAsync(Stream.Null, Token).WaitAsync(LoopbackPeers.Patience, Token));
        Assert.Equal((PeerError.StreamAborted, PeerConnectionContext.Aborted), (aborted.Error, aborted.Code));

        (stream, context) = await OpenAsync();
        await context.DisposeAsync();
        await stream.CopyToAsync(Stream.Null, Token).WaitAsync(LoopbackPeers.Patience, Token); // an end in order
    }

    [Fact]
    public async Task A_handler_learns_that_nobody_is_there_any_more()
    {
        var (stream, context) = await OpenAsync();
        Assert.False(context.ConnectionClosed.IsCancellationRequested);
        stream.Abort(7);
        await UntilClosedAsync(context);
        await Assert.ThrowsAsync<ConnectionResetException>(() => context.Transport.Input.CopyToAsync(Stream.Null, Token).WaitAsync(LoopbackPeers.Patience, Token));

        (_, context) = await OpenAsync();
        await _toBob.DisposeAsync();
        await UntilClosedAsync(context);
    }

    private static async Task UntilClosedAsync(ConnectionContext context)
    {
        var closed = new TaskCompletionSource();
        await using var registration = context.ConnectionClosed.Register(closed.SetResult);
        await closed.Task.WaitAsync(LoopbackPeers.Patience, Token);
    }

    private static (Protocol.PeerId Id, string? Name) Of(System.Net.EndPoint? end) => Assert.IsType<PeerEndPoint>(end) is var peer ? (peer.Id, peer.Name) : default;

    /// <summary>A stream, and the connection that it is to Bob's handler; its first byte is a zero, without which Bob would not hear of it.</summary>
    private async Task<(PeerStream Stream, PeerConnectionContext Context)> OpenAsync()
    {
        var stream = await _toBob.OpenStreamAsync(Token);
        await stream.WriteAsync(new byte[1], Token);
        return (stream, new PeerConnectionContext(_bob, _toAlice, await _toAlice.AcceptStreamAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token)));
    }

    private sealed class Echo : ConnectionHandler
    {
        public override async Task OnConnectedAsync(ConnectionContext connection)
        {
            await connection.Transport.Input.CopyToAsync(connection.Transport.Output);
            await connection.Transport.Output.CompleteAsync();
        }
    }
}
