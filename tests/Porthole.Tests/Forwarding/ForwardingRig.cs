using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests.Forwarding;

/// <summary>Two peers on loopback: bob shares, alice forwards.</summary>
internal sealed class ForwardingRig : IAsyncDisposable
{
    private readonly LoopbackPeers _peers;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PortForwarder> _forwarders = [];
    private PeerNode _bob = null!;

    private ForwardingRig(LoopbackPeers peers) => _peers = peers;

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TimeSpan Patience => LoopbackPeers.Patience;

    public PeerNode Alice { get; private set; } = null!;

    public PeerRedialer ToBob { get; private set; } = null!;

    public LoopbackPeers Peers => _peers;

    public ConcurrentQueue<ForwardingEvent> Shared { get; } = new();

    public ConcurrentQueue<ForwardingEvent> Forwarded { get; } = new();

    public ConcurrentQueue<PeerException> Unconnected { get; } = new();

    public static async Task<ForwardingRig> StartAsync()
    {
        var rig = new ForwardingRig(await LoopbackPeers.StartAsync());
        rig.Alice = await rig._peers.StartAsync("alice", change: static options => options with { Session = ForwardingSession.Options });
        rig.ToBob = new PeerRedialer(rig.Alice, new PeerTarget("bob", null));
        return rig;
    }

    /// <summary>Bob comes and shares.</summary>
    public async Task ShareAsync(IEnumerable<SharedPort> ports, PortSharerOptions? options = null)
    {
        _bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone, peer => peer with { Session = ForwardingSession.Options });
        var sharer = new PortSharer(ports, (options ?? new PortSharerOptions()) with { Observer = Shared.Enqueue });
        _ = AcceptAsync(_bob, sharer);
    }

    public Task ShareAsync(params ForwardTarget[] targets) => ShareAsync(targets.Select(static target => new SharedPort(target)));

    /// <summary>Bob goes.</summary>
    public ValueTask StopSharingAsync() => _bob.DisposeAsync();

    /// <summary>Alice listens; the port is any.</summary>
    public IPEndPoint Forward(ForwardTarget target, PortForwarderOptions? options = null)
    {
        var forwarder = PortForwarder.Start(
            ToBob,
            [new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 0), target)],
            (options ?? new PortForwarderOptions()) with { Observer = Forwarded.Enqueue, Unconnected = (_, reason) => Unconnected.Enqueue(reason) });
        _forwarders.Add(forwarder);
        return forwarder.Ports[0].Local;
    }

    public static ForwardTarget Tcp(int port) => ForwardTarget.TryCreate(ForwardKind.Tcp, null, port, out var target) ? target : throw new ArgumentException("no port");

    public static ForwardTarget Udp(int port) => ForwardTarget.TryCreate(ForwardKind.Udp, null, port, out var target) ? target : throw new ArgumentException("no port");

    public static ForwardTarget Tcp(Socket listener) => Tcp(((IPEndPoint)listener.LocalEndPoint!).Port);

    public static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen(4_096);
        return socket;
    }

    public static async Task<Socket> ConnectAsync(IPEndPoint to)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(to, Token);
        return socket;
    }

    /// <summary>A client, connected through, and the other end of its connection.</summary>
    public static async Task<(Socket Client, Socket Served)> ConnectAsync(IPEndPoint to, Socket listener)
    {
        var client = await ConnectAsync(to);
        return (client, await listener.AcceptAsync(Token).AsTask().WaitAsync(Patience, Token));
    }

    public static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        int count;
        while ((count = await socket.ReceiveAsync(buffer, Token).AsTask().WaitAsync(Patience, Token)) > 0) bytes.Write(buffer, 0, count);
        return bytes.ToArray();
    }

    public static async Task EventuallyAsync(Func<bool> what)
    {
        var until = DateTime.UtcNow + Patience;
        while (!what())
        {
            Assert.True(DateTime.UtcNow < until, "It has not happened.");
            await Task.Delay(10, Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var forwarder in _forwarders) await forwarder.DisposeAsync();
        await ToBob.DisposeAsync();
        await _peers.DisposeAsync();
        _stop.Dispose();
    }

    private async Task AcceptAsync(PeerNode bob, PortSharer sharer)
    {
        try
        {
            while (true) _ = sharer.ServeAsync(await bob.AcceptAsync(_stop.Token), _stop.Token);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // Bob has gone, or the test is over.
        }
    }
}
