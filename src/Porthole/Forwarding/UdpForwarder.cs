using System.Net;
using System.Net.Sockets;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole.Forwarding;

/// <summary>A local UDP port of a forwarder. Each client address is a flow; what the peer sends on a flow goes to its client.</summary>
internal sealed class UdpForwarder : IDisposable
{
    /// <summary>How long datagrams wait in the socket for a connection to the peer. After that they are lost, as on a network without a way.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>The pause after the first of errors that may last, as when there is no memory: the next one must not follow at once.</summary>
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause. It comes when the socket has failed for twelve seconds without a datagram in between, and the program is told.</summary>
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;
    private readonly EndPoint? _local;
    private readonly PortForwarder _owner;
    private readonly ForwardTarget _target;
    private readonly InstantClock _clock;
    private readonly ITimer _sweep;
    private readonly Lock _gate = new();
    private readonly FlowTable<SocketAddress, ForwardedFlow> _flows;
    private readonly Dictionary<uint, ForwardedFlow> _byNumber = [];
    private readonly Backoff _trouble = new(s_shortestPause, s_longestPause);
    private TaskCompletionSource<Link> _link = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private uint _lastFlow;
    private bool _disposed;

    public UdpForwarder(PortForwarder owner, Socket socket, ForwardTarget target, ushort association)
    {
        (_owner, _socket, _local, _target, Association) = (owner, socket, socket.LocalEndPoint, target, association);
        var options = owner.Options;
        _clock = new InstantClock(options.TimeProvider);
        _flows = new FlowTable<SocketAddress, ForwardedFlow>(options.MaxFlows, options.FlowTimeout);
        var often = options.FlowTimeout / 8;
        _sweep = options.TimeProvider.CreateTimer(static forwarder => ((UdpForwarder)forwarder!).Sweep(), this, often, often);
    }

    /// <summary>The number of the association, unique in the forwarder.</summary>
    public ushort Association { get; }

    /// <summary>What the datagrams go to.</summary>
    public ForwardTarget Target => _target;

    /// <summary>Where datagrams go from now on: the sharer takes them.</summary>
    public void SetLink(PeerConnection connection, DatagramCarrier carrier)
    {
        lock (_gate)
        {
            if (_link.Task.IsCompleted) _link = new TaskCompletionSource<Link>(TaskCreationOptions.RunContinuationsAsynchronously);
            _link.SetResult(new Link(connection, carrier));
        }
    }

    /// <summary>The connection is lost, or the sharer takes no more.</summary>
    public void DropLink(PeerConnection connection)
    {
        lock (_gate)
        {
            if (_link.Task is { IsCompletedSuccessfully: true, Result: var link } && link.Connection == connection) _link = new TaskCompletionSource<Link>(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Takes what clients send, until the socket is closed.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[ushort.MaxValue];
        var client = new SocketAddress(_socket.AddressFamily);
        while (true)
        {
            try
            {
                int count = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, client, cancellationToken).ConfigureAwait(false);
                _trouble.Reset();
                if (await LinkAsync(cancellationToken).ConfigureAwait(false) is { } link) Send(link, client, buffer.AsSpan(0, count));
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.HostUnreachable or SocketError.NetworkUnreachable)
            {
                // An ICMP error about a client that is gone: each is told once.
            }
            catch (SocketException exception) when (exception.SocketErrorCode != SocketError.OperationAborted && !cancellationToken.IsCancellationRequested)
            {
                if (!await PauseAsync(exception, cancellationToken).ConfigureAwait(false)) return;
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    /// <summary>Sends a datagram of the peer to the client of its flow.</summary>
    public void Deliver(uint number, ReadOnlySpan<byte> payload)
    {
        ForwardedFlow? flow;
        lock (_gate)
        {
            if (!_byNumber.TryGetValue(number, out flow) || !_flows.TryUse(_clock.Now, flow.Client, out _)) return;
        }

        flow.Count(fromPeer: payload.Length);
        try
        {
            _socket.SendTo(payload, SocketFlags.None, flow.Client);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The client is gone, or there is no room: a datagram may be lost.
        }
    }

    public void Dispose()
    {
        _sweep.Dispose();
        _socket.Dispose();
        lock (_gate)
        {
            _disposed = true;
            while (_flows.TryTakeQuietest(out var flow)) End(flow);
        }
    }

    /// <summary>The link, if there is one soon. Who has waited in vain is followed by others that do not wait.</summary>
    private async ValueTask<Link?> LinkAsync(CancellationToken cancellationToken)
    {
        Task<Link> link;
        lock (_gate) link = _link.Task;
        if (link.IsCompletedSuccessfully) return link.Result;
        if (_waitedFor == link) return null;
        try
        {
            return await link.WaitAsync(s_patience, _owner.Options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _waitedFor = link;
            return null;
        }
    }

    private Task? _waitedFor;

    /// <summary>Waits after an error that may last: longer each time, until a datagram comes. That the port does not work is told of when it has lasted, once.</summary>
    /// <returns>False when this forwarder ends.</returns>
    private async ValueTask<bool> PauseAsync(SocketException exception, CancellationToken cancellationToken)
    {
        var before = _trouble.Pause;
        var pause = _trouble.Grow();
        if (pause == s_longestPause && before != s_longestPause)
        {
            var told = new PeerException(PeerError.AddressNotAvailable, $"UDP port {_local} cannot be read: {exception.Message}. It is tried again every {s_longestPause.TotalSeconds:0} s.", exception);
            _owner.Options.Unconnected?.Invoke(_target, told);
        }

        await Task.Delay(pause, _owner.Options.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !cancellationToken.IsCancellationRequested;
    }

    private void Send(Link link, SocketAddress client, ReadOnlySpan<byte> payload)
    {
        ForwardedFlow? flow;
        ushort number;
        lock (_gate)
        {
            if (_disposed) return;
            if (!_flows.TryUse(_clock.Now, client, out flow)) flow = Begin(link, client);
            number = flow.NextNumber();
        }

        flow.Count(toPeer: payload.Length);
        if (!link.Carrier.TrySend(Association, flow.Number, number, payload)) DropLink(link.Connection);
    }

    private ForwardedFlow Begin(Link link, SocketAddress client)
    {
        if (_flows.IsFull && _flows.TryTakeQuietest(out var quietest)) End(quietest);
        var copy = new SocketAddress(client.Family, client.Size);
        client.Buffer.Span[..client.Size].CopyTo(copy.Buffer.Span);
        var flow = new ForwardedFlow(_owner.NextId(), ++_lastFlow, copy, link.Connection);
        _flows.Add(_clock.Now, copy, flow);
        _byNumber.Add(flow.Number, flow);
        var endPoint = new IPEndPoint(copy.Family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0).Create(copy);
        _owner.Options.Observer?.Invoke(new ForwardingEvent.Connected(flow.Id, link.Connection, _target, endPoint));
        return flow;
    }

    private void Sweep()
    {
        lock (_gate)
        {
            while (_flows.TryTakeExpired(_clock.Now, out var flow)) End(flow);
        }
    }

    private void End(ForwardedFlow flow)
    {
        _byNumber.Remove(flow.Number);
        _owner.Options.Observer?.Invoke(new ForwardingEvent.Closed(flow.Id, flow.Connection, _target, flow.BytesToPeer, flow.BytesFromPeer, null));
    }

    /// <summary>Where datagrams go.</summary>
    private sealed record Link(PeerConnection Connection, DatagramCarrier Carrier);
}
