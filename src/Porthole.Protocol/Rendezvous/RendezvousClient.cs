using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// The client's side of the rendezvous protocol: keeps the main connection, registers, asks for sessions and reports what the server says. A part of a
/// machine: the owner routes the messages of <see cref="Socket"/> to it, and carries relay frames over the same socket itself.
/// </summary>
public sealed partial class RendezvousClient
{
    /// <summary>The most messages that wait to be written; a connection that takes none of so many is dead.</summary>
    private const int MaxQueuedMessages = 1_024;

    private readonly RendezvousClientOptions _options;
    private readonly IdentityKey _identity;
    private readonly EntropySource _entropy;
    private readonly Func<SocketId> _nextSocket;
    private readonly RendezvousCodec _codec = new();
    private readonly Deadlines<Alarm> _deadlines = new();
    private readonly Queue<SocketRequest> _requests = new();
    private readonly Queue<RendezvousEvent> _events = new();
    private readonly Queue<ClientMessage> _queue = new();
    private readonly Dictionary<SessionId, PendingConnect> _pending = [];
    private readonly Dictionary<SessionId, ClientSession> _sessions = [];
    private readonly HashSet<SessionId> _incoming = [];
    private readonly HashSet<SessionId> _accepted = [];
    private readonly Dictionary<SessionId, PendingMeeting> _meetings = [];

    /// <summary>The sessions that come in the place of own meetings, from the server's word until the push.</summary>
    private readonly Dictionary<SessionId, SessionId> _met = [];
    private Registration? _registration;
    private byte[]? _hello;
    private State _state;
    private bool _isCongested;

    /// <summary>Creates a client that does nothing before <see cref="Start"/>.</summary>
    /// <param name="options">How to reach the server.</param>
    /// <param name="identity">Who this peer is.</param>
    /// <param name="entropy">Chance.</param>
    /// <param name="nextSocket">Numbers the next socket of the owner.</param>
    public RendezvousClient(RendezvousClientOptions options, IdentityKey identity, EntropySource entropy, Func<SocketId> nextSocket)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(entropy);
        ArgumentNullException.ThrowIfNull(nextSocket);
        (_options, _identity, _entropy, _nextSocket) = (options, identity, entropy, nextSocket);
        ServerKey = options.ServerKey;
        Instance = options.Instance ?? InstanceId.Create(entropy);
    }

    private enum Alarm { Reconnect, ConnectTimeout, Silence, Pong }

    private enum State { Stopped, Waiting, Connecting, Handshaking, Greeting, Online, Registered }

    /// <summary>The socket of the main connection; null while there is none. Relay frames may use it while <see cref="IsOnline"/>.</summary>
    public SocketId? Socket { get; private set; }

    /// <summary>Whether the server took the hello and the connection lives.</summary>
    public bool IsOnline => _state >= State.Online;

    /// <summary>Whether the registration stands on the current connection.</summary>
    public bool IsRegistered => _state == State.Registered;

    /// <summary>The local TCP port that the next main connection goes out from, shared with hole punching; 0 for any.</summary>
    public ushort LocalPort { get; set; }

    /// <summary>Which run of the program this is.</summary>
    public InstanceId Instance { get; }

    /// <summary>The server's key: pinned, or learned; null before first contact.</summary>
    public PublicKey? ServerKey { get; private set; }

    /// <summary>When to call <see cref="HandleDeadline"/>; null when only input can wake it.</summary>
    public Instant? NextDeadline => _deadlines.Next;

    /// <summary>Connects; and connects again whenever the connection is lost, until <see cref="Stop"/>. Also starts over after the client gave up.</summary>
    public void Start(Instant now)
    {
        if (_state is not (State.Stopped or State.Waiting)) return;
        _attempt = 0;
        BeginConnecting(now);
    }

    /// <summary>
    /// Closes the main connection for good, at once. Only sessions that are given up are still told of: with some of them, the other side would else wait for words that no
    /// path has carried.
    /// </summary>
    public void Stop(Instant now)
    {
        if (IsRegistered && !_isCongested) SayFarewell();
        if (_state != State.Stopped) Disconnect(now, RendezvousError.Stopped, "", atOnce: false);
        _pending.Clear();
        _meetings.Clear();
    }

    /// <summary>Registers, now or as soon as the server is reached, and after each reconnect; replaces the registration before.</summary>
    public void Register(Instant now, Registration registration)
    {
        ArgumentNullException.ThrowIfNull(registration);
        _registration = registration;
        if (IsOnline) SendRegistration(now);
    }

    /// <summary>
    /// Replaces the list of those whom the accept policy lets in without a question; the rest of the registration stays as it is. <see cref="RendezvousEvent.AllowListTaken"/>
    /// follows when the server has the list, or while there is none: the registration to come has it.
    /// </summary>
    public void Allow(Instant now, ImmutableArray<PeerId> allowed)
    {
        if (_registration is not null) _registration = _registration with { Allowed = allowed };
        if (_registration is null || !IsOnline)
        {
            _events.Enqueue(new RendezvousEvent.AllowListTaken());
            return;
        }

        _hasListed = true;
        _allowStamp = _stamp + 1; // that of the question below: messages are taken in order, and who answers it has the list
        Enqueue(now, new ClientMessage.Allow(allowed));
        MeasureRoundTrip(now);
    }

    /// <summary>
    /// Replaces the candidates and NAT facts of the registration. To be called whenever a STUN answer brings a new proof: it tells the server only what
    /// is new to it, and renews the proofs before the server forgets them.
    /// </summary>
    public void UpdateCandidates(Instant now, ImmutableArray<CandidateInfo> candidates, NatFacts nat)
    {
        var old = _registration ?? new Registration();
        _registration = old with { Candidates = candidates, Nat = nat };
        if (!IsOnline || _candidatesSentAt is not { } sentAt) return;
        bool isNew = nat != old.Nat || !candidates.Select(Known).SequenceEqual(old.Candidates.Select(Known)) || _usable < candidates.Length;
        if (isNew || now - sentAt >= s_renewal) SendCandidates(now);

        // That there is a proof now is news, its bytes are not.
        static (CandidateInfo, bool) Known(CandidateInfo candidate) => (candidate with { Proof = default }, candidate.Proof.IsEmpty);
    }

    /// <summary>
    /// Asks for a session. Waits for the registration if there is none yet, and is repeated after a reconnect, until a push, a refusal,
    /// <see cref="RendezvousEvent.Superseded"/> or <see cref="Release"/> answers it: the time-out is the owner's.
    /// </summary>
    public void Connect(Instant now, SessionId session, ConnectTarget target, HandshakeOffer offer)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(offer);
        var pending = new PendingConnect(target, offer);
        _pending[session] = pending;
        if (IsRegistered) SendConnect(now, session, pending);
    }

    /// <summary>
    /// Asks for a session with whoever says the same. Who comes first gets <see cref="RendezvousEvent.Waiting"/>, and later, as responder,
    /// <see cref="RendezvousEvent.Superseded"/> and the push of the second's session. Repeated after a reconnect, as <see cref="Connect"/> is.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="session">The number of the session if this side comes second.</param>
    /// <param name="code">The public part of a pairing code; null for the lobby.</param>
    /// <param name="offer">The first handshake message, made for <see cref="MeetingDialled"/>.</param>
    public void Meet(Instant now, SessionId session, string? code, HandshakeOffer offer)
    {
        ArgumentNullException.ThrowIfNull(offer);
        var pending = new PendingMeeting(code, offer);
        _meetings[session] = pending;
        if (IsRegistered) SendMeet(now, session, pending);
    }

    /// <summary>Tells the server that both sides of a meeting hold the same code, which is used up so.</summary>
    public void ConfirmMeeting(Instant now, SessionId session)
    {
        if (IsRegistered && _sessions.ContainsKey(session)) Enqueue(now, new ClientMessage.Met(session));
    }

    /// <summary>Takes an incoming session: the push follows.</summary>
    public void Accept(Instant now, SessionId session)
    {
        if (!_incoming.Remove(session)) return;
        _accepted.Add(session);
        Enqueue(now, new ClientMessage.Accept(session));
    }

    /// <summary>Declines an incoming session.</summary>
    public void Refuse(Instant now, SessionId session)
    {
        if (_incoming.Remove(session)) Enqueue(now, new ClientMessage.Refuse(session));
    }

    /// <summary>Sends more candidates for one session and generation.</summary>
    public void SendCandidates(Instant now, SessionId session, int generation, ImmutableArray<CandidateInfo> candidates)
    {
        if (IsRegistered && !candidates.IsDefaultOrEmpty) Enqueue(now, new ClientMessage.Candidates(session, generation, candidates));
    }

    /// <summary>Asks for new credentials for both sides of a session; <see cref="RendezvousEvent.Restarted"/> follows at both.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="session">The session.</param>
    /// <param name="generation">The generation to be replaced: that of the last plan.</param>
    public void Restart(Instant now, SessionId session, int generation)
    {
        if (IsRegistered) Enqueue(now, new ClientMessage.Restart(session, generation));
    }

    /// <summary>Tells the server what a punch came to: once, and only if its plan asks for it.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="session">The session.</param>
    /// <param name="generation">The generation of the plan.</param>
    /// <param name="method">What led to a direct path; <see cref="PunchMethod.Relay"/> when nothing did.</param>
    /// <param name="reason">Why.</param>
    public void ReportOutcome(Instant now, SessionId session, int generation, PunchMethod method, VerdictReason reason)
    {
        if (IsRegistered && _sessions.ContainsKey(session)) Enqueue(now, new ClientMessage.Outcome(session, generation, method, reason));
    }

    /// <summary>
    /// Asks for the relay of a session again, after a reconnect (call it on <see cref="RendezvousEvent.Registered"/>);
    /// <see cref="RendezvousEvent.Reopened"/> follows when the other side is there too.
    /// </summary>
    public void Reopen(Instant now, SessionId session, PeerId peer, int generation)
    {
        if (!IsRegistered) return;
        _sessions.TryAdd(session, new ClientSession(peer, generation));
        Enqueue(now, new ClientMessage.Reopen(session, peer, generation));
    }

    /// <summary>Gives a session up, or takes a connect back.</summary>
    public void Release(Instant now, SessionId session)
    {
        bool isKnown = _pending.Remove(session) | _meetings.Remove(session) | _sessions.Remove(session) | _accepted.Remove(session);
        if (isKnown && IsRegistered) Enqueue(now, new ClientMessage.Release(session));
    }

    /// <summary>Asks who is online; <see cref="RendezvousEvent.PeersListed"/> follows.</summary>
    public void RequestPeers(Instant now)
    {
        if (IsRegistered) Enqueue(now, new ClientMessage.Peers());
    }

    /// <summary>Finds out within 5 s whether the connection lives: for the owner whose sessions wait for the relay.</summary>
    public void Probe(Instant now)
    {
        if (!IsOnline || _isProbing) return;
        (_isProbing, _missed) = (true, 0);
        SendPing(now);
    }

    /// <summary>The round trip to the server over the main connection, what stands before it in queues included; null before it was measured.</summary>
    public TimeSpan? RoundTrip { get; private set; }

    /// <summary>Measures <see cref="RoundTrip"/> once. That the answer stays out has no consequence.</summary>
    public void MeasureRoundTrip(Instant now)
    {
        if (!IsOnline) return;
        Enqueue(now, new ClientMessage.Ping(++_stamp));
        _stampedAt = now;
    }

    /// <summary>How long the last question of <see cref="MeasureRoundTrip"/> has waited for its answer; 0 when it has none to wait for.</summary>
    public TimeSpan Waited(Instant now) => _answered == _stamp ? TimeSpan.Zero : now - _stampedAt;

    /// <summary>Takes one message that arrived on <see cref="Socket"/>; it may be changed (opened in place).</summary>
    /// <returns>False when it is not this client's business: a relay frame (a sign of life all the same), or another socket's message.</returns>
    public bool HandleMessage(Instant now, SocketId socket, Span<byte> message)
    {
        if (socket != Socket) return false;
        if (IsOnline && message is [(byte)MainMessageKind.Relay, ..])
        {
            NoteLife(now);
            return false;
        }

        switch (_state)
        {
            case State.Handshaking:
                HandleHello(now, message);
                break;
            case State.Greeting:
            case State.Online:
            case State.Registered:
                HandleControl(now, message);
                break;
        }

        return true;
    }

    /// <summary>Takes what became of a socket; other sockets' events are ignored. A change of the network makes it connect again at once.</summary>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when opened.Socket == Socket && _state == State.Connecting:
                HandleOpened(now, opened);
                break;
            case SocketEvent.Failed failed when failed.Socket == Socket:
                HandleFailed(now, failed);
                break;
            case SocketEvent.Congested congested when congested.Socket == Socket:
                _isCongested = true;
                break;
            case SocketEvent.Writable writable when writable.Socket == Socket:
                _isCongested = false;
                break;
            case SocketEvent.NetworkChanged changed:
                HandleNetworkChanged(now, changed.Addresses);
                break;
        }
    }

    /// <summary>Takes the passing of time.</summary>
    public void HandleDeadline(Instant now)
    {
        while (_deadlines.TryTakeDue(now, out var alarm))
        {
            switch (alarm)
            {
                case Alarm.Reconnect:
                    BeginConnecting(now);
                    break;
                case Alarm.ConnectTimeout:
                    Disconnect(now, RendezvousError.ServerUnreachable, "no answer in time", atOnce: false);
                    break;
                case Alarm.Silence:
                    SendPing(now);
                    break;
                case Alarm.Pong:
                    if (++_missed < MaxMissed) SendPing(now);
                    else Disconnect(now, RendezvousError.ServerSilent, "", atOnce: true);
                    break;
            }
        }
    }

    /// <summary>Writes the next control message; one message per batch.</summary>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (TryWriteFarewell(ref writer)) return true;
        if (Socket is not { } socket || _isCongested) return false;
        if (_hello is { } hello)
        {
            writer.Begin(socket, default);
            if (!writer.TryReserve(hello.Length, out var plain)) return false;
            hello.CopyTo(plain);
            writer.Commit(hello.Length);
            _hello = null;
            return true;
        }

        return _channel is not null && TryWrite(socket, _channel, _queue, ref writer);
    }

    /// <summary>Takes the next socket request.</summary>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out RendezvousEvent? rendezvousEvent) => _events.TryDequeue(out rendezvousEvent);

    private bool TryWrite(SocketId socket, NoiseChannel channel, Queue<ClientMessage> queue, ref DatagramBatchWriter writer)
    {
        if (!queue.TryPeek(out var message)) return false;
        var json = _codec.Encode(message);
        writer.Begin(socket, default);
        if (!writer.TryReserve(1 + json.Length + NoiseChannel.Overhead, out var segment)) return false;
        segment[0] = (byte)MainMessageKind.Control;
        writer.Commit(1 + channel.Seal(json, segment[1..]));
        queue.Dequeue();
        return true;
    }

    private void Enqueue(Instant now, ClientMessage message)
    {
        if (!IsOnline && message is not ClientMessage.Hello) return;
        if (_queue.Count < MaxQueuedMessages) _queue.Enqueue(message);
        else Disconnect(now, RendezvousError.ServerSilent, "the connection takes nothing", atOnce: true);
    }

    private sealed record PendingConnect(ConnectTarget Target, HandshakeOffer Offer);

    private sealed record PendingMeeting(string? Code, HandshakeOffer Offer);
}
