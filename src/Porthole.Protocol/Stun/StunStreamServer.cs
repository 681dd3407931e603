using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Stun;

/// <summary>
/// A STUN server over TCP (RFC 8489 section 6.2.2): tells clients what their TCP connections look like from outside, which may differ from UDP in everything.
/// </summary>
/// <remarks>
/// Connections are few and short: a mapping is measured in one round trip, or kept for the time of a punch. Memory is fixed by
/// <see cref="MaxConnections"/>: when there are as many, the one that was silent longest gives way.
/// </remarks>
public sealed class StunStreamServer : ISocketUser
{
    /// <summary>How many connections are served at once.</summary>
    public const int MaxConnections = 512;

    /// <summary>How many of them may come from one host: some peers behind one NAT that measure at once.</summary>
    public const int MaxConnectionsPerHost = 128;

    /// <summary>How long a connection may be silent: longer than the pause between two refreshes of a mapping.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);

    /// <summary>How long a connection is safe from giving way to a new one: a request follows a connection within one round trip.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly StunResponder _responder;
    private readonly StunEndpoints _endpoints;
    private readonly StunAnswerQueue _answers = new(StunResponder.MaxAnswer);
    private readonly Queue<SocketRequest> _requests = [];
    private readonly Dictionary<SocketId, LinkedListNode<Connection>> _connections = [];
    private readonly LinkedList<Connection> _bySilence = []; // the one that was silent longest first
    private readonly Dictionary<UInt128, int> _perHost = [];

    /// <summary>Creates a server that asks for its listeners.</summary>
    /// <param name="options">Where it listens, and its limits.</param>
    /// <param name="key">The key that credentials and proofs are made with.</param>
    /// <param name="clock">What the wall clock says.</param>
    /// <param name="entropy">For the keys of the limits' tables.</param>
    public StunStreamServer(StunServerOptions options, StunServerKey key, WallClock clock, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(options);
        _responder = new StunResponder(options, key, clock, entropy);
        _endpoints = new StunEndpoints(options.SecondHost);
        foreach (var local in options.Listen)
        {
            _requests.Enqueue(new SocketRequest.TcpListen(_endpoints.Add(local), local, Shared: false, MessageFraming.Stun));
        }
    }

    /// <inheritdoc/>
    public Instant? NextDeadline => _bySilence.First is { } first ? first.Value.HeardAt + IdleTimeout : null;

    /// <summary>How many connections are open.</summary>
    public int Connections => _connections.Count;

    /// <summary>How many requests were answered.</summary>
    public long Answered { get; private set; }

    /// <summary>How many messages were dropped: no request, over a limit, or too many at once.</summary>
    public long Dropped { get; private set; }

    /// <summary>How many connections were refused or gave way because there were too many.</summary>
    public long TurnedAway { get; private set; }

    /// <summary>Takes a new reading of the wall clock.</summary>
    public void SetWallClock(WallClock clock) => _responder.SetWallClock(clock);

    /// <inheritdoc/>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (_endpoints.HandleSocketEvent(socketEvent)) return;
        switch (socketEvent)
        {
            case SocketEvent.Accepted accepted:
                HandleAccepted(now, accepted);
                break;
            case SocketEvent.Failed failed:
                Forget(failed.Socket);
                break;
            case SocketEvent.Congested congested when _connections.ContainsKey(congested.Socket):
                Close(congested.Socket); // who asks on and reads no answer asks for nothing
                break;
        }
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var message in batch.Datagrams)
        {
            if (!_connections.TryGetValue(message.Socket, out var node)) continue; // just closed
            var connection = node.Value;
            var endpoint = connection.Endpoint;
            int length = _answers.IsFull ? 0 : _responder.Respond(
                now, connection.Remote, endpoint.Local, endpoint.Other, batch.Bytes(message), _answers.Next);
            if (length == 0)
            {
                Dropped++;
                continue;
            }

            _answers.Add(message.Socket, connection.Remote, length);
            Answered++;
            connection.HeardAt = now;
            _bySilence.Remove(node);
            _bySilence.AddLast(node);
        }
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
        while (NextDeadline <= now) Close(_bySilence.First!.Value.Socket);
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => _answers.TryWrite(ref writer);

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event; drain to false after every socket event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out StunServerEvent? serverEvent) => _endpoints.TryTakeEvent(out serverEvent);

    private void HandleAccepted(Instant now, SocketEvent.Accepted accepted)
    {
        var host = SourceLimiter.KeyOf(accepted.Remote);
        int ofHost = _perHost.GetValueOrDefault(host);
        if (_endpoints.Find(accepted.Listener) is not { } endpoint || ofHost >= MaxConnectionsPerHost || !HasRoom(now))
        {
            TurnedAway++;
            _requests.Enqueue(new SocketRequest.Close(accepted.Socket, Abortive: true));
            return;
        }

        _perHost[host] = ofHost + 1;
        _connections.Add(accepted.Socket, _bySilence.AddLast(new Connection(accepted.Socket, accepted.Remote, endpoint, host) { HeardAt = now }));
    }

    private bool HasRoom(Instant now)
    {
        if (_connections.Count < MaxConnections) return true;
        var oldest = _bySilence.First!.Value;
        if (now - oldest.HeardAt < Grace) return false;
        TurnedAway++;
        Close(oldest.Socket);
        return true;
    }

    private void Close(SocketId socket)
    {
        Forget(socket);
        _requests.Enqueue(new SocketRequest.Close(socket, Abortive: true));
    }

    private void Forget(SocketId socket)
    {
        if (!_connections.Remove(socket, out var node)) return;
        _bySilence.Remove(node);
        _answers.Drop(socket);
        if (--_perHost[node.Value.Host] == 0) _perHost.Remove(node.Value.Host);
    }

    private sealed class Connection(SocketId socket, TransportAddress remote, StunEndpoint endpoint, UInt128 host)
    {
        public SocketId Socket { get; } = socket;

        public TransportAddress Remote { get; } = remote;

        public StunEndpoint Endpoint { get; } = endpoint;

        /// <summary>What its host is counted under.</summary>
        public UInt128 Host { get; } = host;

        /// <summary>When it was accepted, or asked something that was answered.</summary>
        public Instant HeardAt { get; set; }
    }
}
