using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// The server's side of the rendezvous protocol: takes main connections, keeps names and presence, introduces peers to each other. It sees hellos and
/// control messages; relay frames go by <see cref="RelayRouter"/> past it (see <see cref="RendezvousHost"/> for both together).
/// </summary>
/// <remarks>
/// Drain socket requests, datagrams and events after each input. No message costs a walk over all connections, but for
/// <see cref="RendezvousServerOptions.PublicPresence"/>.
/// </remarks>
public sealed partial class RendezvousServer : ISocketUser
{
    /// <summary>How long a connection that is being closed may take to be told why.</summary>
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    private readonly RendezvousServerOptions _options;
    private readonly IdentityKey _identity;
    private readonly EntropySource _entropy;
    private readonly StunServerKey _stunKey;
    private readonly StunCredentialIssuer _issuer;
    private readonly RelayRouter _router;
    private readonly DateTimeOffset _wallOrigin;
    private readonly Instant _origin;
    private readonly NameRegistry _names;
    private readonly RendezvousCodec _codec = new();
    private readonly Dictionary<SocketId, ServerConnection> _connections = [];
    private readonly Dictionary<TransportAddress, int> _connectionsPerSite = [];
    private readonly PeerDirectory _directory = new();
    private readonly Queue<ServerConnection> _ready = new();
    private readonly Queue<SocketRequest> _requests = new();
    private readonly Queue<RendezvousServerEvent> _events = new();

    // Each queue has one fixed time-out, so that its order is the order of the alarms.
    private readonly Queue<(Instant At, ServerConnection Connection)> _hellos = new();
    private readonly Queue<(Instant At, ServerConnection Connection)> _pings = new();
    private readonly Queue<(Instant At, ServerConnection Connection)> _closings = new();
    private readonly Queue<(Instant At, ServerSession Session)> _asked = new();
    private readonly Queue<(Instant At, MeetingPlace Place, SessionId Session)> _waiting = new();
    private readonly Queue<(Instant At, Meeting Meeting)> _trials = new();
    private readonly Queue<(Instant At, MeetingPlace Place)> _remembered = new();

    /// <summary>Creates a server.</summary>
    /// <param name="options">How it behaves.</param>
    /// <param name="identity">Its key, which clients pin.</param>
    /// <param name="stunKey">The secret it shares with its STUN ports.</param>
    /// <param name="router">The relay's routes, which it keeps.</param>
    /// <param name="entropy">Chance.</param>
    /// <param name="now">The moment.</param>
    /// <param name="wallClock">The wall-clock time at that moment.</param>
    /// <param name="names">The names that were taken before, oldest record first.</param>
    public RendezvousServer(
        RendezvousServerOptions options,
        IdentityKey identity,
        StunServerKey stunKey,
        RelayRouter router,
        EntropySource entropy,
        Instant now,
        DateTimeOffset wallClock,
        IEnumerable<NameRecord>? names = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(stunKey);
        ArgumentNullException.ThrowIfNull(router);
        ArgumentNullException.ThrowIfNull(entropy);
        (_options, _identity, _stunKey, _router, _entropy, _origin, _wallOrigin) = (options, identity, stunKey, router, entropy, now, wallClock);
        _issuer = new StunCredentialIssuer(stunKey);
        _names = new NameRegistry(options.NamesPerPeer, options.MaxNames);
        foreach (var record in names ?? []) _names.Load(record, wallClock);
        _hellosPerSite = new RateLimiter<TransportAddress>(options.HellosPerMinute, s_minute);
        _wrongTokens = new RateLimiter<TransportAddress>(options.WrongTokensPerMinute, s_minute);
        _newNames = new RateLimiter<TransportAddress>(options.NewNamesPerHour, TimeSpan.FromHours(1));
        _connectsToOne = new RateLimiter<(PeerId, PeerId)>(options.ConnectsPerMinute, s_minute);
        _connectsToAll = new RateLimiter<PeerId>(options.ConnectsPerMinuteInAll, s_minute);
        _callsTo = new RateLimiter<PeerId>(options.CallsPerMinute, s_minute);
        _meetsPerSite = new RateLimiter<TransportAddress>(options.MeetsPerMinute, s_minute);
        _plans = new PlanMemory(options.MaxNetworkPairs);
        _outcomes = new RateLimiter<TransportAddress>(options.OutcomesPerMinute, s_minute);
        _tokenHash = options.Token is null ? null : HashToken(options.Token);
    }

    /// <summary>How many connections there are, those in the hello included.</summary>
    public int Connections => _connections.Count;

    /// <summary>How many identities are online.</summary>
    public int PeersOnline => _directory.Count;

    /// <inheritdoc/>
    public Instant? NextDeadline
    {
        get
        {
            var next = Instant.Never;
            if (_hellos.TryPeek(out var hello)) next = Instant.Min(next, hello.At);
            if (_pings.TryPeek(out var ping)) next = Instant.Min(next, ping.At);
            if (_asked.TryPeek(out var asked)) next = Instant.Min(next, asked.At);
            if (_waiting.TryPeek(out var waiting)) next = Instant.Min(next, waiting.At);
            if (_trials.TryPeek(out var trial)) next = Instant.Min(next, trial.At);
            if (_remembered.TryPeek(out var remembered)) next = Instant.Min(next, remembered.At);
            if (_plans.NextDeadline is { } forgotten) next = Instant.Min(next, forgotten);
            // A connection whose last message is out is closed at once.
            if (_closings.TryPeek(out var closing)) next = Instant.Min(next, closing.Connection.Queue is null ? Instant.Zero : closing.At);
            return next == Instant.Never ? null : next;
        }
    }

    /// <inheritdoc/>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Accepted accepted:
                HandleAccepted(now, accepted.Socket, accepted.Remote);
                break;
            case SocketEvent.Failed failed when _connections.TryGetValue(failed.Socket, out var connection):
                Forget(now, connection, RendezvousError.ConnectionLost);
                break;
            case SocketEvent.Congested congested when _connections.TryGetValue(congested.Socket, out var connection):
                connection.IsCongested = true;
                break;
            case SocketEvent.Writable writable when _connections.TryGetValue(writable.Socket, out var connection):
                connection.IsCongested = false;
                MarkReady(connection);
                break;
        }
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) HandleMessage(now, datagram.Socket, batch.Bytes(datagram));
    }

    /// <summary>Takes one message of one connection; it may be changed (opened in place).</summary>
    public void HandleMessage(Instant now, SocketId socket, Span<byte> message)
    {
        if (!_connections.TryGetValue(socket, out var connection)) return;
        switch (connection.State)
        {
            case ServerConnectionState.AwaitingHello:
                HandleHello(now, connection, message);
                break;
            case ServerConnectionState.AwaitingProof:
                HandleProof(now, connection, message);
                break;
            case ServerConnectionState.AwaitingToken:
            case ServerConnectionState.Open:
                HandleControl(now, connection, message);
                break;
            case ServerConnectionState.Closing:
            case ServerConnectionState.Closed:
                break; // what came after the last word
        }
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
        while (_hellos.TryPeek(out var hello) && (hello.At <= now || hello.Connection.State is ServerConnectionState.Open or ServerConnectionState.Closed))
        {
            _hellos.Dequeue();
            if (hello.Connection.State is ServerConnectionState.AwaitingHello or ServerConnectionState.AwaitingProof or ServerConnectionState.AwaitingToken)
                CloseNow(now, hello.Connection, RendezvousError.ConnectionLost);
        }

        while (_pings.TryPeek(out var ping) && ping.At <= now)
        {
            _pings.Dequeue();
            HandlePingDue(now, ping.Connection);
        }

        while (_asked.TryPeek(out var asked) && (asked.At <= now || !asked.Session.IsRinging))
        {
            _asked.Dequeue();
            if (asked.Session.IsRinging) EndAsking(asked.Session, RendezvousError.NoAnswer, SessionCloseReason.NoAnswer);
        }

        HandleMeetingsDue(now);
        _plans.Forget(now);
        while (_closings.TryPeek(out var closing) && (closing.At <= now || closing.Connection.Queue is null))
        {
            _closings.Dequeue();
            CloseNow(now, closing.Connection, RendezvousError.ConnectionLost);
        }
    }

    /// <summary>Tells all clients that the server stops, and closes their connections.</summary>
    public void Stop(Instant now)
    {
        foreach (var connection in _connections.Values.ToArray()) CloseWith(now, connection, RendezvousError.ServerStopping);
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        while (_ready.TryPeek(out var connection))
        {
            if (connection.IsCongested || connection.State == ServerConnectionState.Closed || connection.Queue is not { Count: > 0 } queue)
            {
                _ready.Dequeue();
                connection.IsReady = false;
                continue;
            }

            writer.Begin(connection.Socket, default);
            if (!TryWriteOne(connection, queue.Peek(), ref writer)) return false;
            queue.Dequeue();
            if (queue.Count == 0) connection.Queue = null; // idle peers hold nothing
            return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out RendezvousServerEvent? serverEvent) => _events.TryDequeue(out serverEvent);

    private DateTimeOffset WallClock(Instant now) => _wallOrigin + (now - _origin);

    private bool TryWriteOne(ServerConnection connection, Outgoing message, ref DatagramBatchWriter writer)
    {
        if (message.Control is null)
        {
            if (!writer.TryReserve(message.Plain!.Length, out var plain)) return false;
            message.Plain.CopyTo(plain);
            writer.Commit(message.Plain.Length);
            return true;
        }

        var json = _codec.Encode(message.Control);
        if (!writer.TryReserve(1 + json.Length + NoiseChannel.Overhead, out var segment)) return false;
        segment[0] = (byte)MainMessageKind.Control;
        writer.Commit(1 + connection.Channel!.Seal(json, segment[1..]));
        return true;
    }

    private void Send(ServerConnection connection, ServerMessage message)
    {
        if (connection.IsDoomed || connection.State is ServerConnectionState.Closing or ServerConnectionState.Closed) return;
        if (connection.Queue is { } queue && queue.Count >= _options.MaxQueuedMessages)
        {
            // Who does not read what it asked for is cut off, at the next deadline: this may be in the middle of telling others.
            connection.IsDoomed = true;
            connection.Queue = null;
            _closings.Enqueue((Instant.Zero, connection));
            return;
        }

        connection.MessagesQueued++;
        (connection.Queue ??= new Queue<Outgoing>()).Enqueue(new Outgoing(null, message));
        MarkReady(connection);
    }

    private void SendPlain(ServerConnection connection, byte[] message)
    {
        (connection.Queue ??= new Queue<Outgoing>()).Enqueue(new Outgoing(message, null));
        MarkReady(connection);
    }

    private void MarkReady(ServerConnection connection)
    {
        if (connection.IsReady || connection.Queue is null) return;
        connection.IsReady = true;
        _ready.Enqueue(connection);
    }

    /// <summary>Says why, as clearly as the connection allows by now, and closes.</summary>
    private void CloseWith(Instant now, ServerConnection connection, RendezvousError error)
    {
        if (connection.State is ServerConnectionState.Closing or ServerConnectionState.Closed) return;
        if (connection.State != ServerConnectionState.Open) _events.Enqueue(new RendezvousServerEvent.TurnedAway(connection.Remote, error));
        if (connection.Channel is null) SendPlain(connection, [(byte)MainMessageKind.Refusal, (byte)error]);
        else Send(connection, new ServerMessage.Refused(error));
        Leave(now, connection, error);
        connection.State = ServerConnectionState.Closing;
        _closings.Enqueue((now + s_closeTimeout, connection));
    }

    private void CloseNow(Instant now, ServerConnection connection, RendezvousError reason)
    {
        if (connection.State == ServerConnectionState.Closed) return;
        _requests.Enqueue(new SocketRequest.Close(connection.Socket));
        Forget(now, connection, reason);
    }

    private void Forget(Instant now, ServerConnection connection, RendezvousError reason)
    {
        if (!_connections.Remove(connection.Socket)) return;
        Leave(now, connection, reason);
        connection.State = ServerConnectionState.Closed;
        connection.Handshake?.Dispose();
        connection.Channel?.Dispose();
        connection.Queue = null;
        var site = CandidateRules.Site(connection.Remote);
        if (--_connectionsPerSite[site] == 0) _connectionsPerSite.Remove(site);
    }
}
