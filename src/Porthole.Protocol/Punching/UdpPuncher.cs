using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Punching;

/// <summary>
/// A bare UDP hole punch from one socket toward one host: sends until it is acknowledged, takes whichever port of the host answers, agrees with the other side on
/// one pair of addresses, and ends when each knows that the other says no more. No session, no encryption.
/// </summary>
/// <remarks>
/// Both sides probe every address they know and answer every probe. An answer that comes from where the probe went shows that both directions work. The side with the
/// higher id then proposes that address until the other agrees, and says so with a last word; the other, should that be lost, ends when it has been quiet for
/// <see cref="Quiet"/>, or when the program on the other side is heard. Messages are numbered, so that a side that had several under way waits for the
/// answers to all: what is still in flight would end up in the program's data.
/// </remarks>
public sealed class UdpPuncher : IProtocolMachine
{
    /// <summary>How long the last word of the other side is waited for: several proposals must be lost in a row to be missed.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(600);

    /// <summary>From one message to the next once the peer is heard.</summary>
    public static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    /// <summary>Ports of one host that are probed at a time: a NAT that gives each destination its own port shows two or three.</summary>
    public const int MaxTargets = 8;

    /// <summary>How many round trips a proposal may go without an answer before another address is tried, and at least so long.</summary>
    private const int ProposalRoundTrips = 3;

    /// <summary>How far back an answer may reach: more than are under way at this pace at any round trip.</summary>
    private const int History = 256;

    /// <summary>Answers that wait for the driver; more come only from somebody who floods.</summary>
    private const int MaxQueued = 32;

    private static readonly TimeSpan s_leastProposal = 5 * Pace;

    private readonly UdpPunchOptions _options;
    private readonly SocketId _socket;
    private readonly ulong _id;
    private readonly Deadlines<Alarm> _deadlines = new();
    private readonly List<Target> _targets = [];
    private readonly (byte Target, Instant At)[] _sent = new (byte, Instant)[History];
    private readonly Queue<Outgoing> _outgoing = new();
    private readonly Queue<UdpPunchEvent> _events = new();
    private Target? _chosen;
    private ulong _peer;
    private uint _lastNumber;
    private uint _lastProposal;
    private Instant _firstTryAt;
    private Instant _proposedAt;
    private int _tries;

    /// <summary>Creates a punch.</summary>
    /// <param name="options">How it goes.</param>
    /// <param name="socket">The socket, which the owner has bound.</param>
    /// <param name="mapped">The peer's mapped address.</param>
    /// <param name="entropy">Where the id comes from.</param>
    public UdpPuncher(UdpPunchOptions options, SocketId socket, TransportAddress mapped, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(entropy);
        (_options, _socket) = (options, socket);
        do _id = entropy.NextUInt64();
        while (_id == 0);
        _targets.Add(new Target(mapped));
    }

    private enum Alarm
    {
        Try,
        Repeat,
        Quiet,
        End,
    }

    /// <summary>How far it has come.</summary>
    public UdpPunchState State { get; private set; }

    /// <summary>Whether it is over.</summary>
    public bool IsOver => State is UdpPunchState.Connected or UdpPunchState.Failed;

    /// <summary>The address that the two agree on, as far as this side knows; null before.</summary>
    public TransportAddress? Chosen => _chosen?.Address;

    /// <summary>The time to live for what was written last; null is the system's default.</summary>
    public int? TimeToLive { get; private set; }

    /// <summary>Messages sent.</summary>
    public int Sent => (int)_lastNumber;

    /// <inheritdoc/>
    public Instant? NextDeadline => IsOver ? null : _deadlines.Next;

    private bool IsDecider => _id > _peer;

    /// <summary>Whether a datagram belongs to a punch, this one or another, and is nothing that a program sent.</summary>
    public static bool IsPunch(ReadOnlySpan<byte> datagram) => PunchMessage.LooksLikeOne(datagram);

    /// <summary>Begins.</summary>
    public void Start(Instant now)
    {
        _firstTryAt = _options.OpenerTimeToLive is null ? now : now + Pace;
        _deadlines[Alarm.Try] = _firstTryAt;
        _deadlines[Alarm.End] = _firstTryAt + _options.Timeout;
        if (_options.OpenerTimeToLive is { } hops) Queue(new Outgoing(PunchMessageKind.Probe, 0, 0, hops));
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams)
        {
            if (IsOver || !datagram.Remote.SameHost(_targets[0].Address)) continue;
            if (PunchMessage.TryRead(batch.Bytes(datagram), _options.Cookie.Span, out var message)) Handle(now, datagram.Remote, message);
            else if (!IsPunch(batch.Bytes(datagram)) && datagram.Remote == Chosen) Connect(); // the program there has begun: its punch is over, only the last word was lost
        }
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
        while (!IsOver && _deadlines.TryTakeDue(now, out var alarm))
        {
            switch (alarm)
            {
                case Alarm.Try:
                    Try();
                    break;
                case Alarm.Repeat:
                    Repeat(now);
                    break;
                case Alarm.Quiet:
                    Connect();
                    break;
                case Alarm.End when _chosen is not null && !IsDecider:
                    Connect(); // the other side has proposed, so both directions work; its last word may come late
                    break;
                case Alarm.End:
                    _events.Enqueue(new UdpPunchEvent.Failed(State));
                    State = UdpPunchState.Failed;
                    _outgoing.Clear();
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_outgoing.TryPeek(out var next) || !writer.TryReserve(PunchMessage.Size, out var segment)) return false;
        _outgoing.Dequeue();
        uint number = ++_lastNumber;
        _sent[number % History] = ((byte)next.Target, now);
        if (next.Kind == PunchMessageKind.Chosen) _lastProposal = number;
        TimeToLive = next.TimeToLive;
        writer.Begin(_socket, _targets[next.Target].Address);
        new PunchMessage(next.Kind, _id, _peer, number, next.Answers).Write(segment, _options.Cookie.Span);
        writer.Commit(PunchMessage.Size);
        return true;
    }

    /// <summary>Takes the next event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out UdpPunchEvent? happened) => _events.TryDequeue(out happened);

    private void Try()
    {
        _tries++;
        _events.Enqueue(new UdpPunchEvent.Tried(_tries));
        Queue(new Outgoing(PunchMessageKind.Probe, 0));
        if (_tries < _options.Tries && State == UdpPunchState.Probing) _deadlines[Alarm.Try] = _firstTryAt + _tries * _options.Interval;
    }

    private void Repeat(Instant now)
    {
        _deadlines[Alarm.Repeat] = now + Pace;
        if (_chosen is null)
        {
            for (int i = 0; i < _targets.Count; i++) Queue(new Outgoing(PunchMessageKind.Probe, i));
            return;
        }

        if (now < _proposedAt + TimeSpan.FromTicks(Math.Max(s_leastProposal.Ticks, ProposalRoundTrips * _chosen.RoundTrip.Ticks)))
        {
            Propose(now, _chosen);
            return;
        }

        // It answered once, but is silent now: look again at all of them.
        _chosen.IsOpen = false;
        _chosen = null;
        State = UdpPunchState.Heard;
        Repeat(now);
    }

    private void Handle(Instant now, TransportAddress remote, in PunchMessage message)
    {
        if (message.Sender == _id || (message.Receiver != 0 && message.Receiver != _id)) return; // our own, come back; or for an earlier punch from this port
        if (message.Sender != _peer) Meet(message.Sender);
        if (Find(now, remote) is not { } target) return;
        if (message.Receiver == _id && IsSentTo(message.Answers, target)) Open(target, now - _sent[message.Answers % History].At);
        switch (message.Kind)
        {
            case PunchMessageKind.Probe:
                Queue(new Outgoing(PunchMessageKind.Answer, target.Index, message.Number));
                break;
            case PunchMessageKind.Chosen when !IsDecider:
                Agree(now, target, message.Number);
                break;
            case PunchMessageKind.Agreed when IsDecider && _chosen is not null:
                HandleAgreement(now, target, message.Answers);
                break;
            case PunchMessageKind.Done when !IsDecider && target == _chosen:
                Connect();
                break;
        }

        if (_chosen is null && IsDecider && FirstOpen() is { } open)
        {
            (_chosen, _proposedAt) = (open, now);
            Propose(now, open);
        }
    }

    /// <summary>A peer is met for the first time, or has begun anew.</summary>
    private void Meet(ulong peer)
    {
        _peer = peer;
        _chosen = null;
        if (State == UdpPunchState.Agreeing) State = UdpPunchState.Heard;
        _deadlines[Alarm.Quiet] = null;
        foreach (var target in _targets) target.IsHeard = target.IsOpen = false;
    }

    /// <summary>The target of an address from which something came; null when there are too many.</summary>
    private Target? Find(Instant now, TransportAddress remote)
    {
        Target? target = null;
        foreach (var known in _targets)
        {
            if (known.Address == remote) target = known;
        }

        if (target is null)
        {
            if (_targets.Count == MaxTargets) return null;
            target = new Target(remote) { Index = _targets.Count };
            _targets.Add(target);
        }

        if (target.IsHeard) return target;
        target.IsHeard = true;
        _events.Enqueue(new UdpPunchEvent.Heard(remote));
        if (State == UdpPunchState.Probing) State = UdpPunchState.Heard;
        _deadlines[Alarm.Try] = null;
        _deadlines[Alarm.Repeat] ??= now + Pace;
        if (_chosen is null) Queue(new Outgoing(PunchMessageKind.Probe, target.Index)); // the way in is open now
        return target;
    }

    private Target? FirstOpen()
    {
        foreach (var target in _targets)
        {
            if (target.IsOpen) return target;
        }

        return null;
    }

    private void Open(Target target, TimeSpan roundTrip)
    {
        if (target.IsOpen) return;
        (target.IsOpen, target.RoundTrip) = (true, roundTrip);
        if (State == UdpPunchState.Heard) State = UdpPunchState.Agreeing;
        _events.Enqueue(new UdpPunchEvent.Answered(target.Address));
    }

    private void Propose(Instant now, Target target)
    {
        Queue(new Outgoing(PunchMessageKind.Chosen, target.Index));
        _deadlines[Alarm.Repeat] = now + Pace;
    }

    private void Agree(Instant now, Target target, uint proposal)
    {
        _chosen = target;
        State = UdpPunchState.Agreeing;
        Queue(new Outgoing(PunchMessageKind.Agreed, target.Index, proposal));
        _deadlines[Alarm.Repeat] = null; // from now on only answers
        _deadlines[Alarm.Quiet] = now + Quiet;
    }

    private void HandleAgreement(Instant now, Target target, uint proposal)
    {
        if (_deadlines[Alarm.Repeat] is not null)
        {
            if (target != _chosen) return; // a NAT that has not settled yet on the port it answers from
            Queue(new Outgoing(PunchMessageKind.Done, target.Index));
            _deadlines[Alarm.Repeat] = null;
        }

        if (proposal == _lastProposal) Connect();
        else _deadlines[Alarm.Quiet] = now + Quiet; // answers to later proposals are under way
    }

    private void Connect()
    {
        State = UdpPunchState.Connected;
        _events.Enqueue(new UdpPunchEvent.Connected(_chosen!.Address));
    }

    private bool IsSentTo(uint number, Target target) => number > 0 && number <= _lastNumber && _lastNumber - number < History && _sent[number % History].Target == target.Index;

    private void Queue(Outgoing outgoing)
    {
        if (_outgoing.Count < MaxQueued) _outgoing.Enqueue(outgoing);
    }

    private readonly record struct Outgoing(PunchMessageKind Kind, int Target, uint Answers = 0, int? TimeToLive = null);

    /// <summary>A port of the peer's host.</summary>
    private sealed class Target(TransportAddress address)
    {
        public TransportAddress Address { get; } = address;

        public int Index { get; init; }

        public bool IsHeard { get; set; }

        /// <summary>Whether it answered what was sent to it.</summary>
        public bool IsOpen { get; set; }

        /// <summary>How long that answer took.</summary>
        public TimeSpan RoundTrip { get; set; }
    }
}
