using System.Net;
using System.Net.Sockets;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>One connection of a peer to a sharer.</summary>
internal sealed class SharedConnection : IAsyncDisposable
{
    /// <summary>How long a peer may take to say what it wants on a stream that it opened: it says so with the first bytes.</summary>
    private static readonly TimeSpan s_requestTimeout = TimeSpan.FromSeconds(10);

    private readonly PortSharer _sharer;
    private readonly PeerConnection _connection;
    private readonly PeerCounters _counters;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _stopping;
    private readonly Lock _gate = new();
    private readonly Dictionary<ForwardTarget, string> _refused = []; // of what is shared alone: it grows no larger than the list
    private SharedFlows? _flows;
    private Task _receiving = Task.CompletedTask;

    public SharedConnection(PortSharer sharer, PeerConnection connection, PeerCounters counters, CancellationToken cancellationToken)
    {
        (_sharer, _connection, _counters) = (sharer, connection, counters);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _stopping = _stop.Token;
    }

    private PortSharerOptions Options => _sharer.Options;

    /// <summary>Serves streams until the connection is over.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _connection.AcceptStreamAsync(_stopping).ConfigureAwait(false));
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // The connection, or this sharer, has come to its end.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        SharedFlows? flows;
        lock (_gate) flows = _flows; // there will be no others: see Flows()
        await _receiving.ConfigureAwait(false);
        flows?.Dispose();
        _stop.Dispose(); // or whoever ends all connections would remember this one for ever
    }

    private async Task ServeAsync(PeerStream stream)
    {
        try
        {
            if (await ReadRequestAsync(stream).ConfigureAwait(false) is not { } request)
            {
                stream.Abort(ForwardingCodes.NotForwarding);
                return;
            }

            long id = _sharer.NextId();
            if (_sharer.Find(_connection, request.Target) is null) await RefuseAsync(stream, id, request.Target, new ForwardAnswer(ForwardStatus.NotShared, $"{request.Target} is not shared with you.")).ConfigureAwait(false);
            else if (request.Target.Kind == ForwardKind.Udp) await AssociateAsync(stream, id, request).ConfigureAwait(false);
            else await ConnectAsync(stream, id, request.Target).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            stream.Abort(ForwardingCodes.Reset); // the peer gave it up, the connection is over, or this sharer ends
        }
    }

    private async Task<ForwardRequest?> ReadRequestAsync(PeerStream stream)
    {
        using var late = new CancellationTokenSource(s_requestTimeout, Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, _stopping);
        if (await stream.ReadProtocolAsync(either.Token).ConfigureAwait(false) != StreamPreamble.Forwarding) return null;
        byte[] bytes = new byte[ForwardRequest.MaxSize];
        var head = bytes.AsMemory(0, ForwardRequest.HeadSize);
        if (await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, either.Token).ConfigureAwait(false) < head.Length) return null;
        int length = ForwardRequest.LengthFrom(head.Span);
        if (length == 0) return null;
        var host = bytes.AsMemory(ForwardRequest.HeadSize, length - ForwardRequest.HeadSize);
        if (await stream.ReadAtLeastAsync(host, host.Length, throwOnEndOfStream: false, either.Token).ConfigureAwait(false) < host.Length) return null;
        return ForwardRequest.TryRead(bytes.AsSpan(0, length), out var request) ? request : null;
    }

    private async Task ConnectAsync(PeerStream stream, long id, ForwardTarget target)
    {
        if (!_counters.TryAdd())
        {
            await RefuseAsync(stream, id, target, new ForwardAnswer(ForwardStatus.LimitReached, $"A peer may have {Options.MaxConnections} connections at once, and you have.")).ConfigureAwait(false);
            return;
        }

        try
        {
            await _counters.Pending.WaitAsync(_stopping).ConfigureAwait(false);
            Socket? socket;
            ForwardAnswer answer;
            try
            {
                (socket, answer) = await TargetConnector.ConnectAsync(target, Options.ConnectTimeout, Options.TimeProvider, _stopping).ConfigureAwait(false);
            }
            finally
            {
                _counters.Pending.Release();
            }

            if (socket is null) await RefuseAsync(stream, id, target, answer).ConfigureAwait(false);
            else await RelayAsync(stream, id, target, socket, answer).ConfigureAwait(false);
        }
        finally
        {
            _counters.Remove();
        }
    }

    private async Task RelayAsync(PeerStream stream, long id, ForwardTarget target, Socket socket, ForwardAnswer answer)
    {
        Tell(new ForwardingEvent.Connected(id, _connection, target, EndPointOf(socket)));
        string? problem;
        var relay = new SocketStreamRelay(socket, stream);
        try
        {
            await stream.WriteAsync(answer.Write(), _stopping).ConfigureAwait(false);
            problem = await relay.RunAsync(Task.CompletedTask, _stopping).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            SocketStreamRelay.Reset(socket, stream);
            problem = exception.Message;
        }

        Tell(new ForwardingEvent.Closed(id, _connection, target, relay.BytesToPeer, relay.BytesFromPeer, problem));
    }

    /// <summary>Where a socket is connected to; null when it has been reset already, which the relay is going to see.</summary>
    private static EndPoint? EndPointOf(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Takes datagrams for a UDP port as long as the stream is open.</summary>
    private async Task AssociateAsync(PeerStream stream, long id, ForwardRequest request)
    {
        var (address, answer) = await TargetConnector.ResolveAsync(request.Target, Options.ConnectTimeout, Options.TimeProvider, _stopping).ConfigureAwait(false);
        if (address is null)
        {
            await RefuseUdpAsync(stream, id, request.Target, answer).ConfigureAwait(false);
            return;
        }

        var flows = Flows();
        var association = new SharedAssociation(request.Association, request.Target, address);
        if (!flows.TryAdd(association))
        {
            await RefuseUdpAsync(stream, id, request.Target, new ForwardAnswer(ForwardStatus.LimitReached, "There are too many UDP ports on this connection, or two of one number.")).ConfigureAwait(false);
            return;
        }

        lock (_gate) _refused.Remove(request.Target);
        try
        {
            await stream.WriteAsync(answer.Write(), _stopping).ConfigureAwait(false);
            byte[] nothing = new byte[1];
            while (await stream.ReadAsync(nothing, _stopping).ConfigureAwait(false) > 0)
            {
                // Nothing is said on it, and it does not matter.
            }

            await stream.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            flows.Remove(association);
        }
    }

    /// <summary>The datagrams of the connection are taken from the first UDP port on: until then they may belong to somebody else.</summary>
    private SharedFlows Flows()
    {
        lock (_gate)
        {
            _stopping.ThrowIfCancellationRequested();
            if (_flows is null)
            {
                _flows = new SharedFlows(_sharer, _connection, _counters.Flows);
                _receiving = _flows.RunAsync(_stopping);
            }

            return _flows;
        }
    }

    /// <summary>Refuses a UDP port. It is asked for again and again: the program is told when the reason is another one.</summary>
    private Task RefuseUdpAsync(PeerStream stream, long id, ForwardTarget target, ForwardAnswer answer)
    {
        bool isNews;
        lock (_gate)
        {
            isNews = !_refused.TryGetValue(target, out string? told) || told != answer.Reason;
            _refused[target] = answer.Reason;
        }

        return RefuseAsync(stream, id, target, answer, isNews);
    }

    private async Task RefuseAsync(PeerStream stream, long id, ForwardTarget target, ForwardAnswer answer, bool isNews = true)
    {
        if (isNews) Tell(new ForwardingEvent.Refused(id, _connection, target, answer.Status, answer.Reason));
        await stream.WriteAsync(answer.Write(), _stopping).ConfigureAwait(false);
        await stream.DisposeAsync().ConfigureAwait(false); // the answer is still delivered
    }

    private void Tell(ForwardingEvent happened) => Options.Observer?.Invoke(happened);
}
