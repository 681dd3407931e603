using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;
using Porthole.Sockets;

namespace Porthole.Forwarding;

/// <summary>
/// Local ports that lead to ports which a peer shares with <see cref="PortSharer"/>. They stay open while the connection to the peer is lost and found again: what is connected then ends, and what connects waits a while.
/// </summary>
public sealed class PortForwarder : IAsyncDisposable
{
    private const int Backlog = 512;

    private readonly PeerRedialer _peer;
    private readonly List<Socket> _listeners = [];
    private readonly List<UdpForwarder> _udp = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private TaskCompletionSource _found = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _connections;
    private long _lastId;
    private int _disposed;

    private PortForwarder(PeerRedialer peer, PortForwarderOptions options) => (_peer, Options) = (peer, options);

    /// <summary>How ports are forwarded.</summary>
    public PortForwarderOptions Options { get; }

    /// <summary>The local ports as they are bound, and what they lead to.</summary>
    public ImmutableArray<ForwardedPort> Ports { get; private set; } = [];

    /// <summary>Listens on local ports.</summary>
    /// <param name="peer">The connection to the peer, which begins to be made; it remains the caller's.</param>
    /// <param name="ports">Where to listen, and what that leads to.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The forwarder, listening on all of them.</returns>
    /// <exception cref="PeerException">A port is taken, or an address is not this host's.</exception>
    public static PortForwarder Start(PeerRedialer peer, IEnumerable<ForwardedPort> ports, PortForwarderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(ports);
        var forwarder = new PortForwarder(peer, options ?? new PortForwarderOptions());
        try
        {
            forwarder.Ports = [.. ports.Select(forwarder.Bind)];
        }
        catch (PeerException)
        {
            foreach (var listener in forwarder._listeners) listener.Dispose();
            throw;
        }

        forwarder.Run();
        return forwarder;
    }

    /// <summary>Closes the local ports and what is connected to them. May be called more than once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await _stop.CancelAsync().ConfigureAwait(false);
            _peer.Changed -= HandlePeer;
            foreach (var listener in _listeners) listener.Dispose();
        }

        await Task.WhenAll(_running).ConfigureAwait(false);
        foreach (var udp in _udp) udp.Dispose();
    }

    internal long NextId() => Interlocked.Increment(ref _lastId);

    private ForwardedPort Bind(ForwardedPort port)
    {
        bool isUdp = port.Target.Kind == ForwardKind.Udp;
        try
        {
            var socket = isUdp ? new Socket(port.Local.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false } : new Socket(port.Local.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            _listeners.Add(socket);
            if (isUdp) UdpSockets.Widen(socket);
            socket.Bind(port.Local);
            if (!isUdp) socket.Listen(Backlog);
            return port with { Local = (IPEndPoint)socket.LocalEndPoint! };
        }
        catch (SocketException exception)
        {
            throw exception.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => new PeerException(PeerError.PortInUse, $"{port.Local} is taken by another program. Choose another local port.", exception),
                SocketError.AccessDenied => new PeerException(PeerError.PortInUse, $"{port.Local} needs rights that this user does not have. Choose a local port above 1023.", exception),
                _ => new PeerException(PeerError.AddressNotAvailable, $"{port.Local} cannot be listened on: {exception.Message}. Use an address of this host, or leave it out.", exception),
            };
        }
    }

    private void Run()
    {
        _peer.Changed += HandlePeer;
        for (int i = 0; i < Ports.Length; i++)
        {
            if (Ports[i].Target.Kind == ForwardKind.Udp)
            {
                var udp = new UdpForwarder(this, _listeners[i], Ports[i].Target, (ushort)(_udp.Count + 1));
                _udp.Add(udp);
                _running.Add(udp.RunAsync(_stop.Token));
            }
            else
            {
                _running.Add(AcceptAsync(_listeners[i], Ports[i]));
            }
        }

        if (_udp.Count > 0) _running.Add(LinkAsync());
        _peer.Start();
    }

    private void HandlePeer(object? sender, PeerRedialerEvent happened)
    {
        if (happened is PeerRedialerEvent.Found) Interlocked.Exchange(ref _found, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>Links the UDP ports to each connection that is found, one after the other.</summary>
    private async Task LinkAsync()
    {
        try
        {
            while (true)
            {
                var found = Volatile.Read(ref _found).Task; // before asking: the next is not missed
                var connection = await _peer.GetAsync(_stop.Token).ConfigureAwait(false);
                using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                var carrier = new DatagramCarrier(connection, Options.TimeProvider);
                Task[] running = [carrier.ReceiveAsync(Deliver, over.Token), .. _udp.Select(udp => new UdpLinker(this, udp, connection, carrier).RunAsync(over.Token))];
                while (await Task.WhenAny(connection.Closed, found, Task.Delay(Timeout.Infinite, over.Token)).ConfigureAwait(false) == found)
                {
                    found = Volatile.Read(ref _found).Task; // before looking, as above
                    if (_peer.Current != connection) break;
                }

                await over.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(running).ConfigureAwait(false);
                _stop.Token.ThrowIfCancellationRequested();
            }
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // There will be no connection any more, or this forwarder ends.
        }
    }

    private void Deliver(ushort association, uint flow, ReadOnlySpan<byte> payload)
    {
        if (association >= 1 && association <= _udp.Count) _udp[association - 1].Deliver(flow, payload);
    }

    private async Task AcceptAsync(Socket listener, ForwardedPort port)
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (SocketException) when (!_stop.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), Options.TimeProvider, CancellationToken.None).ConfigureAwait(false); // no descriptors left, or the client is gone already
                continue;
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                return;
            }

            _ = ServeAsync(client, port);
        }
    }

    private async Task ServeAsync(Socket client, ForwardedPort port)
    {
        try
        {
            if (Interlocked.Increment(ref _connections) > Options.MaxConnections) SocketStreamRelay.Reset(client, null);
            else await new ForwardedConnection(_peer, Options, NextId(), client, port.Target).RunAsync(_stop.Token).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }
}
