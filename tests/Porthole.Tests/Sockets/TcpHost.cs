using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>One machine's TCP sockets, and what they told it; closes what it opened.</summary>
internal sealed class TcpHost : IAsyncDisposable
{
    public static readonly TransportAddress Loopback = TransportAddress.Parse("127.0.0.1:0");

    private readonly RealNetwork _network = new();
    private readonly List<INetworkSocket> _sockets = [];
    private int _lastId;

    public TcpHost(CollectingInbox? inbox = null) => Inbox = inbox ?? new CollectingInbox();

    public CollectingInbox Inbox { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async Task<(INetworkSocket Socket, TransportAddress Local)> ListenAsync(
        TransportAddress? local = null, bool shared = true, MessageFraming framing = MessageFraming.LengthPrefixed)
    {
        var socket = Open(new SocketRequest.TcpListen(new SocketId(++_lastId), local ?? Loopback, shared, framing));
        return (socket, (await Inbox.NextEventAsync<SocketEvent.Opened>()).Local);
    }

    public async Task<SocketEvent.Failed> FailToListenAsync(TransportAddress local)
    {
        Open(new SocketRequest.TcpListen(new SocketId(++_lastId), local, Shared: true));
        return await Inbox.NextEventAsync<SocketEvent.Failed>();
    }

    public INetworkSocket Connect(
        TransportAddress remote, TransportAddress? local = null, Instant notBefore = default, MessageFraming framing = MessageFraming.LengthPrefixed) =>
        Open(new SocketRequest.TcpConnect(new SocketId(++_lastId), local ?? Loopback, remote, notBefore, framing));

    public async Task<(INetworkSocket Socket, TransportAddress Local)> ConnectedAsync(
        TransportAddress remote, TransportAddress? local = null, MessageFraming framing = MessageFraming.LengthPrefixed)
    {
        var socket = Connect(remote, local, framing: framing);
        var opened = await Inbox.NextEventAsync<SocketEvent.Opened>();
        Assert.Equal((socket.Id, remote), (opened.Socket, opened.Remote));
        return (socket, opened.Local);
    }

    /// <summary>A connection to a plain socket of the test's own.</summary>
    public async Task<(INetworkSocket Socket, Socket Raw)> RawAsync(MessageFraming framing = MessageFraming.LengthPrefixed)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var socket = Connect(TransportAddress.FromEndPoint((IPEndPoint)listener.LocalEndpoint), framing: framing);
        var raw = await listener.AcceptSocketAsync(Token);
        await Inbox.NextEventAsync<SocketEvent.Opened>();
        raw.NoDelay = true;
        return (socket, raw);
    }

    /// <summary>A port that nothing uses.</summary>
    public static TransportAddress FreePort() => Loopback.WithPort((ushort)FreePorts.Next());

    /// <summary>What is to be closed with the others.</summary>
    public INetworkSocket Add(INetworkSocket socket)
    {
        _sockets.Add(socket);
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var socket in _sockets) socket.Close(abortive: true);
        foreach (var socket in _sockets) await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
    }

    private INetworkSocket Open(SocketRequest request) => Add(_network.Open(request, Inbox));
}
