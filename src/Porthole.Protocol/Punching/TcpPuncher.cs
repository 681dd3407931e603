using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Punching;

/// <summary>
/// Makes TCP connections through NATs for one punch (RFC 6544): connects from the punching port to every address of the other side while that does the same, so
/// that each SYN finds the door opened by the other. It asks for connections and hands over those that come up; what a listener accepts is its owner's business.
/// </summary>
/// <remarks>
/// A part of a machine: its owner gives it the socket events, keeps its deadline, and drains its requests and events after every input. Where a NAT drops what
/// it does not know, one long attempt does it. Where it answers with RST, both sides' attempts live for one round trip only, and have to coincide: hence the
/// short, random pauses. All that is attempted is bounded by <see cref="AttemptBudget"/> and <see cref="SprayBudget"/>.
/// </remarks>
/// <param name="options">When to attempt, repeat and give up.</param>
/// <param name="entropy">For the pauses between two attempts.</param>
/// <param name="nextSocket">Numbers sockets.</param>
/// <param name="sprayBudget">What the machine may spend on guessing ports; null for a puncher that is alone.</param>
/// <param name="peer">Whom the punch is for; null when that is not known.</param>
public sealed partial class TcpPuncher(TcpPunchOptions options, EntropySource entropy, Func<SocketId> nextSocket, SprayBudget? sprayBudget = null, PeerId? peer = null)
{
    /// <summary>The most local ports: one for each address of a host, and the fresh ones.</summary>
    public const int MaxLocals = 16;

    /// <summary>The most remote addresses: the candidates of a peer, predicted and fresh ones among them.</summary>
    public const int MaxRemotes = 40;

    /// <summary>The most pairs, and thereby attempts at one time.</summary>
    public const int MaxPairs = 64;

    /// <summary>How often a fresh port is asked for: each costs a mapping and a message to the other side.</summary>
    public const int MaxFreshPorts = 4;

    /// <summary>
    /// The pause after a refusal: short, since an attempt lives for a round trip only and the time between two is lost; random, so that two sides that miss
    /// each other do not go on doing so.
    /// </summary>
    private const double MinRetryMilliseconds = 1, MaxRetryMilliseconds = 4;

    /// <summary>Refusals for this long make a port spent.</summary>
    private static readonly TimeSpan s_refusalsBeforeFresh = TimeSpan.FromSeconds(1);

    /// <summary>A pair that was refused for this long goes on at leisure: two RST NATs meet within it, or from fresh ports.</summary>
    private static readonly TimeSpan s_quickRetries = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The pause where quick retries do not help: a listener that is not up yet, a 4-tuple that is still in use, a NAT that says there is no way. Doubled for
    /// each further time, up to the longest; random from half to whole.
    /// </summary>
    private static readonly TimeSpan s_slowRetry = TimeSpan.FromMilliseconds(50), s_slowestRetry = TimeSpan.FromMilliseconds(400);

    /// <summary>
    /// While a connection to a host is being checked no other attempt to it begins: a check takes a round trip, and one loss more. A NAT that shows one
    /// socket under two ports takes the second attempt for a part of the connection that is there already, and breaks it.
    /// </summary>
    private static readonly TimeSpan s_checking = TimeSpan.FromSeconds(1);

    private readonly AttemptBudget _budget = new(entropy);
    private readonly List<PunchPort> _ports = [];
    private readonly List<(TransportAddress Address, TcpCandidateType Type)> _remotes = [];
    private readonly List<PunchPair> _pairs = [];
    private readonly List<(SocketId Socket, TransportAddress Remote, Instant Until)> _checked = [];
    private readonly Queue<SocketRequest> _requests = new();
    private readonly Queue<TcpPunchEvent> _events = new();
    private Instant _endAt = Instant.Never;
    private int _freshPorts;
    private Instant _nextFreshPort;

    /// <summary>Whether attempts are made: started, and neither stopped nor exhausted.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Attempts that were started, those of sprays aside.</summary>
    public int Attempts => _budget.Used;

    /// <summary>Attempts that a NAT or a host refused, those of sprays among them.</summary>
    public int Refusals { get; private set; }

    /// <summary>Attempts to which the network said that there is no way.</summary>
    public int Unreachables { get; private set; }

    /// <summary>Attempts that nobody answered in time.</summary>
    public int TimeOuts { get; private set; }

    /// <summary>Attempts of sprays that were started.</summary>
    public int SprayAttempts { get; private set; }

    /// <summary>Connections that were handed over.</summary>
    public int Connections { get; private set; }

    /// <summary>When to call <see cref="HandleDeadline"/>; null when nothing is to be waited for.</summary>
    public Instant? NextDeadline { get; private set; }

    /// <summary>Adds a port to attempt from, at any time. In the place of a spent one of the same address, attempts go on from it alone.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="listener">The shared listener of the port.</param>
    /// <param name="local">Its address and port.</param>
    public void AddLocal(Instant now, SocketId listener, TransportAddress local)
    {
        if (_ports.Count == MaxLocals || _ports.Exists(port => port.Listener == listener)) return;
        foreach (var port in _ports)
        {
            if (port.IsSpent && port.Address.SameHost(local)) port.IsReplaced = true;
        }

        var added = new PunchPort(listener, local);
        _ports.Add(added);
        foreach (var (address, type) in _remotes) AddPair(now, added, address, type);
        Advance(now);
    }

    /// <summary>Forgets a port; attempts from it are closed.</summary>
    public void RemoveLocal(Instant now, SocketId listener)
    {
        for (int i = _pairs.Count - 1; i >= 0; i--)
        {
            if (_pairs[i].Port.Listener != listener) continue;
            if (_pairs[i].Socket is { } socket) Close(socket);
            _pairs.RemoveAt(i);
        }

        _ports.RemoveAll(port => port.Listener == listener);
        Advance(now);
    }

    /// <summary>Adds an address of the other side, at any time. The likeliest first, since there is a limit.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="remote">The address.</param>
    /// <param name="type">What the other side does there.</param>
    /// <returns>False when there is nothing to connect to: it only connects itself, is no address of a host, is known, or one too many.</returns>
    public bool AddRemote(Instant now, TransportAddress remote, TcpCandidateType type)
    {
        if (type == TcpCandidateType.Active || remote.Port == 0 || remote.IsUnspecified || remote.IsMulticast) return false;
        if (_remotes.Count == MaxRemotes || _remotes.Exists(known => known.Address == remote)) return false;
        _remotes.Add((remote, type));
        if (IsRunning && type == TcpCandidateType.SimultaneousOpen) Outdate(remote);
        foreach (var port in _ports) AddPair(now, port, remote, type);
        Advance(now);
        return true;
    }

    /// <summary>The moment that both sides agreed on: attempts start now, and end after <see cref="TcpPunchOptions.Limit"/>.</summary>
    public void Start(Instant now)
    {
        if (IsRunning || _endAt != Instant.Never) return;
        IsRunning = true;
        _endAt = now + options.Limit;
        Advance(now);
    }

    /// <summary>Closes every attempt that was not handed over, without a trace on the wire. The puncher is done.</summary>
    public void Stop(Instant now)
    {
        if (_endAt == Instant.Never) _endAt = now;
        IsRunning = false;
        NextDeadline = null;
        foreach (var pair in _pairs)
        {
            if (pair.Socket is { } socket) Close(socket);
        }

        _pairs.Clear();
        EndSpray(now);
    }

    /// <summary>
    /// Takes what became of a socket. Those that were handed over too: where one breaks while the punch goes on, its addresses are attempted again.
    /// </summary>
    /// <returns>True when it was an attempt of this puncher; an attempt that led to a connection is the owner's from then on.</returns>
    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (socketEvent is SocketEvent.Failed { Socket: var gone }) HandleClosed(now, gone);
        bool isMine = socketEvent switch
        {
            SocketEvent.Opened opened => HandleOpened(now, opened),
            SocketEvent.Failed failed => HandleFailed(now, failed.Socket, failed.Reason),
            _ => false,
        };
        if (isMine) Advance(now);
        return isMine;
    }

    /// <summary>
    /// Says that a connection which a listener accepted has turned out to be the other side's. Until it proves good, or breaks, no further attempt to its
    /// host begins.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">The connection.</param>
    /// <param name="remote">Its remote address.</param>
    public void HandleAccepted(Instant now, SocketId socket, TransportAddress remote)
    {
        AddChecked(now, socket, remote);
        Advance(now);
    }

    /// <summary>
    /// Says that the owner has closed a connection, because nobody at its other end proved to be who was looked for: its addresses are attempted again. It may
    /// have been one of which the other side knows nothing.
    /// </summary>
    public void HandleClosed(Instant now, SocketId socket)
    {
        bool wasChecked = _checked.RemoveAll(connection => connection.Socket == socket) > 0;
        var broken = _pairs.Find(pair => pair.Connection == socket);
        broken?.HandleBroken(now + QuickPause());
        if (wasChecked || broken is not null) Advance(now);
    }

    /// <summary>Takes the passing of time. A call that comes too early, or for nothing, does nothing.</summary>
    public void HandleDeadline(Instant now)
    {
        if (NextDeadline <= now) Advance(now);
    }

    /// <summary>Takes the next request; drain to false after every input.</summary>
    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event; drain to false after every input.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out TcpPunchEvent? punchEvent) => _events.TryDequeue(out punchEvent);

    private void AddPair(Instant now, PunchPort port, TransportAddress remote, TcpCandidateType type)
    {
        if (_pairs.Count < MaxPairs && PunchPair.CanPair(port.Address, remote)) _pairs.Add(new PunchPair(port, remote, type, now));
    }

    // The other side has moved on to a fresh port, and attempts nothing from the one that has been refusing.
    private void Outdate(TransportAddress fresh)
    {
        foreach (var pair in _pairs)
        {
            if (pair.RefusedSince is not null && pair.Remote.SameHost(fresh)) pair.IsOutdated = true;
        }
    }

    private void Advance(Instant now)
    {
        if (!IsRunning) return;
        if (now >= _endAt)
        {
            Exhaust(now);
            return;
        }

        foreach (var pair in _pairs)
        {
            if (pair.GiveUpAt > now) continue;
            Close(pair.Socket!.Value);
            TimeOuts++;
            pair.HandleUnanswered(now);
        }

        _checked.RemoveAll(connection => connection.Until <= now);
        while (now >= _budget.NextAt && NextPair() is { } next && DueAt(next) <= now) Attempt(now, next);
        if (_spray is not null) AdvanceSpray(now, _spray);
        if (_budget.IsUsedUp && _spray is null && !_pairs.Exists(static pair => pair.Socket is not null)) Exhaust(now);
        else NextDeadline = NextStep();
    }

    private Instant NextStep()
    {
        var next = Instant.Min(_endAt, _spray?.NextAt ?? Instant.Never);
        foreach (var pair in _pairs) next = Instant.Min(next, pair.GiveUpAt);
        return NextPair() is { } waiting ? Instant.Min(next, Instant.Max(DueAt(waiting), _budget.NextAt)) : next;
    }

    // The pair that has waited the longest: whatever their number, all get their share of the budget.
    private PunchPair? NextPair()
    {
        PunchPair? next = null;
        foreach (var pair in _pairs)
        {
            if (pair.IsWaiting && (next is null || DueAt(pair) < DueAt(next))) next = pair;
        }

        return next;
    }

    private Instant DueAt(PunchPair pair)
    {
        var due = pair.DueAt;
        foreach (var (_, remote, until) in _checked)
        {
            if (remote.SameHost(pair.Remote)) due = Instant.Max(due, until);
        }

        return due;
    }

    private void AddChecked(Instant now, SocketId socket, TransportAddress remote)
    {
        if (_checked.Count < MaxPairs) _checked.Add((socket, remote, now + s_checking));
    }

    private void Attempt(Instant now, PunchPair pair)
    {
        _budget.Take(now);
        var socket = nextSocket();
        pair.HandleStarted(socket, now + options.AttemptTimeout);
        _requests.Enqueue(new SocketRequest.TcpConnect(socket, pair.Port.Address, pair.Remote, now));
    }

    private bool HandleOpened(Instant now, SocketEvent.Opened opened)
    {
        bool isSelf = opened.Local == opened.Remote;
        if (_pairs.Find(pair => pair.Socket == opened.Socket) is { } pair) Finish(pair, isSelf);
        else if (_spray is null || !_spray.Owns(opened.Socket)) return false;
        else if (isSelf) _spray.HandleFailed(now, opened.Socket, now + QuickPause());
        else _spray.HandleConnected(now, opened.Socket);

        // TCP lets a socket connect to itself when it hits its own port. That is nobody; and the same pair would do it again.
        if (isSelf)
        {
            Close(opened.Socket);
            return true;
        }

        Connections++;
        AddChecked(now, opened.Socket, opened.Remote);
        _events.Enqueue(new TcpPunchEvent.Connected(opened.Socket, opened.Local, opened.Remote));
        return true;
    }

    private static void Finish(PunchPair pair, bool isSelf)
    {
        if (isSelf) pair.HandleDone();
        else pair.HandleConnected();
    }

    private bool HandleFailed(Instant now, SocketId socket, SocketFailure reason)
    {
        var pair = _pairs.Find(pair => pair.Socket == socket);
        if (pair is null && _spray?.Owns(socket) != true) return false;
        if (reason is SocketFailure.Refused or SocketFailure.Closed) Refusals++;
        else if (reason == SocketFailure.Unreachable) Unreachables++;
        else if (reason == SocketFailure.TimedOut) TimeOuts++;

        if (pair is null) _spray!.HandleFailed(now, socket, now + (reason is SocketFailure.Refused ? QuickPause() : SlowPause(1)));
        else HandleFailed(now, pair, reason);
        return true;
    }

    private void HandleFailed(Instant now, PunchPair pair, SocketFailure reason)
    {
        bool meetsNat = pair.Type == TcpCandidateType.SimultaneousOpen;
        switch (reason)
        {
            // An RST may also meet a connection that the other side took for an older attempt.
            case SocketFailure.Refused or SocketFailure.Closed when meetsNat:
                var since = pair.RefusedSince ?? now;
                bool isQuick = now - since < s_quickRetries && !pair.IsOutdated;
                pair.HandleRefused(now, now + (isQuick ? QuickPause() : SlowPause(1)));
                if (now - since >= s_refusalsBeforeFresh) WantFreshPort(now, pair.Port);
                break;
            case SocketFailure.Unreachable when meetsNat:
                pair.HandleRefused(now, now + SlowPause(pair.Refusals));
                WantFreshPort(now, pair.Port);
                break;
            case SocketFailure.TimedOut:
                pair.HandleUnanswered(now + QuickPause());
                break;
            case SocketFailure.AddressGone:
                pair.HandleDone();
                break;
            default:
                pair.HandleRefused(now, now + SlowPause(pair.Refusals));
                break;
        }
    }

    // Not one after the other as fast as they are refused: as long as the other side has not begun, each would be.
    private void WantFreshPort(Instant now, PunchPort port)
    {
        if (port.IsSpent || port.IsReplaced || _freshPorts == MaxFreshPorts || now < _nextFreshPort) return;
        port.IsSpent = true;
        _freshPorts++;
        _nextFreshPort = now + s_refusalsBeforeFresh;
        _events.Enqueue(new TcpPunchEvent.FreshPortWanted(port.Listener));
    }

    private TimeSpan QuickPause() => TimeSpan.FromMilliseconds(entropy.NextDouble(MinRetryMilliseconds, MaxRetryMilliseconds));

    private TimeSpan SlowPause(int before)
    {
        var pause = s_slowRetry * (1 << Math.Min(before, 3));
        return (pause > s_slowestRetry ? s_slowestRetry : pause) * entropy.NextDouble(0.5, 1);
    }

    private void Exhaust(Instant now)
    {
        Stop(now);
        _events.Enqueue(new TcpPunchEvent.Exhausted());
    }

    // With RST: no FIN, and no TIME_WAIT that would keep the port from the same address.
    private void Close(SocketId socket) => _requests.Enqueue(new SocketRequest.Close(socket, Abortive: true));
}
