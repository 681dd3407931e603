using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>
/// Finds out how TCP punching ports look from outside: connects from each to several ports of the STUN servers, so that a healthy network is known after two
/// round trips, and asks anew while the proof is good. A NAT may treat TCP otherwise than UDP in everything, so nothing is taken over from there.
/// </summary>
/// <remarks>
/// A part of a machine: its owner gives it the socket events and messages, keeps its deadline, and drains it. A connection is closed with RST when it is
/// answered, for nothing must linger on the punching port, but for one that is held while a punch needs the mapping (<see cref="Hold"/>). Answers count only
/// on the connection of the question, under its id and, if there is a credential, authenticated with it.
/// </remarks>
/// <param name="options">What the servers may see.</param>
/// <param name="entropy">For ids and the spread of refreshes.</param>
/// <param name="nextSocket">Numbers the next socket of the machine.</param>
public sealed partial class TcpNatProbe(NatProbeOptions options, EntropySource entropy, Func<SocketId> nextSocket)
{
    /// <summary>The most ports that are probed: more local addresses than anybody punches from.</summary>
    public const int MaxPorts = 16;

    /// <summary>The most connections of one port and round: enough to tell the mapping behaviours apart, and three steps of a sequential NAT.</summary>
    public const int MaxAsked = 4;

    /// <summary>How many fresh ports show the allocation, where the punching port's own connections do not: with them a band is seen eight times.</summary>
    public const int FreshPorts = 4;

    /// <summary>How long the report waits for a first answer, and a round for its last: a lost SYN is repeated after 1 s. As long as UDP's first schedule.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(2_200);

    /// <summary>How long a sample may take: somebody waits to fire. A lost SYN is repeated after 1 s.</summary>
    public static readonly TimeSpan SamplePatience = TimeSpan.FromMilliseconds(1_500);

    /// <summary>The longest pause between two questions of a port: a proof is good for 90 s.</summary>
    public static readonly TimeSpan MaxRefresh = TimeSpan.FromSeconds(80);

    /// <summary>The shortest pause: refreshes are spread between both, so that peers do not fall into step.</summary>
    public static readonly TimeSpan MinRefresh = TimeSpan.FromSeconds(60);

    /// <summary>How often that pause doubles while nobody answers, up to some ten minutes: a network that drops TCP to the STUN ports seldom changes its mind.</summary>
    public const int MaxSilenceDoublings = 3;

    /// <summary>The pause before a held connection that broke is replaced: a server that breaks each one sees few.</summary>
    public static readonly TimeSpan HoldPause = TimeSpan.FromSeconds(1);

    /// <summary>Ti (RFC 8489 section 6.2.2): when a question is given up in a network that has not answered yet.</summary>
    private static readonly TimeSpan s_ti = RetransmissionSchedule.Reliable.Total;

    private readonly List<TcpProbedPort> _ports = [];
    private readonly Dictionary<SocketId, TcpProbedPort> _connections = [];
    private readonly Queue<SocketRequest> _requests = [];
    private readonly Queue<TcpNatProbeEvent> _events = [];
    private ImmutableArray<TransportAddress> _servers;
    private ShortTermCredential? _credential;
    private TcpNatReport? _reported;
    private RoundBudget _rounds;
    private Instant? _roundAt;
    private Instant? _settleAt;
    private bool _isSettled;
    private bool _mayBeDue;
    private int _order;
    private bool _isRefused;

    /// <summary>What is known now, with the newest proofs; <see cref="TcpNatReport.Unknown"/> before the first report.</summary>
    public TcpNatReport Report { get; private set; } = TcpNatReport.Unknown;

    /// <summary>When to call <see cref="HandleDeadline"/>; null when nothing is to be waited for.</summary>
    public Instant? NextDeadline { get; private set; }

    /// <summary>Takes the servers and the credential for them, at the start and after every new hello, and asks them all.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="servers">
    /// Addresses of STUN servers, the main one first; those beyond <see cref="NatProbe.MaxServers"/> and impossible ones are left out.
    /// </param>
    /// <param name="credential">The credential; null for servers that ask for none, which give no proofs.</param>
    public void SetServers(Instant now, ImmutableArray<TransportAddress> servers, ShortTermCredential? credential)
    {
        _servers = [.. ProbeMessage.Usable(servers)];
        (_credential, _isRefused) = (credential, false);
        Probe(now);
    }

    /// <summary>Takes a punching port, and asks from it.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="listener">The shared listener on the port, which is open.</param>
    /// <param name="local">Its address.</param>
    /// <returns>False when there are <see cref="MaxPorts"/> already, or the listener is known.</returns>
    public bool AddPort(Instant now, SocketId listener, TransportAddress local)
    {
        if (_ports.Count == MaxPorts || _ports.Exists(port => port.Listener == listener)) return false;
        var added = new TcpProbedPort(listener, local);
        _ports.Add(added);
        if (!_servers.IsDefault) StartRound(now, added, isAnew: true);
        Advance(now);
        return true;
    }

    /// <summary>Forgets a port whose listener is closed, and closes its connections.</summary>
    public void RemovePort(Instant now, SocketId listener)
    {
        if (_ports.Find(port => port.Listener == listener) is not { } removed) return;
        _ports.Remove(removed);
        foreach (var socket in _connections.Where(entry => entry.Value == removed).Select(static entry => entry.Key).ToList()) Close(socket);
        if (removed.Sample is not null) HandleSampled(removed, null);
        Report = Report with { Mappings = Report.Mappings.RemoveAll(mapping => mapping.Socket == listener) }; // at once, even if no new report can be made yet
        Advance(now);
    }

    /// <summary>
    /// Asks everything again: the network may have changed. A report follows even if it says nothing new, for its proofs are; until then
    /// <see cref="Report"/> stays as it was. After <see cref="NatProbe.MaxRounds"/> in a row it may take a <see cref="NatProbe.RoundPause"/>.
    /// </summary>
    public void Probe(Instant now)
    {
        if (_servers.IsDefault) return;
        _roundAt = now;
        Advance(now);
    }

    /// <summary>
    /// Finds out what the NAT gives a new connection of the port right now, at a server port that was not used before from it, or longest ago: of a NAT that
    /// counts up, the next one follows. <see cref="TcpNatProbeEvent.Sampled"/> comes within <see cref="SamplePatience"/>; a sample that runs is not doubled.
    /// </summary>
    public void Sample(Instant now, SocketId listener)
    {
        if (_ports.Find(port => port.Listener == listener) is not { } port) _events.Enqueue(new TcpNatProbeEvent.Sampled(listener, null));
        else if (port.Sample is null) TakeSample(now, port, now + SamplePatience, isRepeated: false);
        Advance(now);
    }

    /// <summary>
    /// Keeps one connection of the port open, so that its mapping lives while a punch runs; or lets it go. If none is open, one is made. The newest sample's
    /// takes the place of an older one.
    /// </summary>
    public void Hold(Instant now, SocketId listener, bool isHeld)
    {
        if (_ports.Find(port => port.Listener == listener) is not { } port || port.IsHolding == isHeld) return;
        port.IsHolding = isHeld;
        if (!isHeld)
        {
            if (port.Held is { HasEnded: true } held) Close(held.Socket);
            port.Held = null;
        }
        else if (port.Kept is not null)
        {
            port.RefreshAt = now;
        }

        Advance(now);
    }

    /// <summary>Takes what became of a socket.</summary>
    /// <returns>True when it is a connection of this probe.</returns>
    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when _connections.TryGetValue(opened.Socket, out var port):
                HandleOpened(now, port, opened);
                return true;
            case SocketEvent.Failed failed when _connections.Remove(failed.Socket, out var port):
                HandleLost(now, port, failed.Socket);
                Advance(now);
                return true;
            case SocketEvent.Writable writable:
                return _connections.ContainsKey(writable.Socket);
            case SocketEvent.Congested congested:
                return _connections.ContainsKey(congested.Socket);
            default:
                return false;
        }
    }

    /// <summary>Takes a message that came on a connection.</summary>
    /// <returns>True when the connection is one of this probe: it is for nobody else, whatever it says.</returns>
    public bool HandleDatagram(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> message)
    {
        if (!_connections.TryGetValue(socket, out var port)) return false;
        if (!StunReader.TryParse(message, out var answer) || !ProbeMessage.IsAnswer(answer)) return true;
        foreach (var question in port.Questions)
        {
            if (question.HasEnded || question.Socket != socket || question.Id != answer.TransactionId || question.Server != remote) continue;
            HandleAnswer(now, port, question, answer);
            break;
        }

        return true;
    }

    /// <summary>Takes the passing of time; a call for nothing does nothing.</summary>
    public void HandleDeadline(Instant now)
    {
        if (NextDeadline <= now) Advance(now);
    }

    /// <summary>Writes the next request.</summary>
    /// <returns>False when none is due.</returns>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_mayBeDue) return false;
        foreach (var port in _ports)
        {
            foreach (var question in port.Questions)
            {
                if (!question.IsDue) continue;
                if (!writer.TryReserve(ProbeMessage.MaxRequest, out var segment)) return false;
                writer.Begin(question.Socket, question.Server);
                writer.Commit(ProbeMessage.WriteRequest(segment, question.Id, options.Shown(question.Local), _credential));
                question.HandleWritten(now);
                return true;
            }
        }

        return _mayBeDue = false;
    }

    /// <summary>Takes the next request to the driver; drain to false after every input.</summary>
    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event; drain to false after every input.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out TcpNatProbeEvent? probeEvent) => _events.TryDequeue(out probeEvent);

    private void HandleOpened(Instant now, TcpProbedPort port, SocketEvent.Opened opened)
    {
        if (port.Questions.Find(question => question.Socket == opened.Socket && !question.HasEnded) is not { IsConnected: false } question) return;
        if (opened.Local == opened.Remote)
        {
            Close(opened.Socket); // a port that connects to itself: no server is there
            Fail(now, port, question);
        }
        else
        {
            question.HandleOpened(now, opened.Local);
            _mayBeDue = true;
        }

        Advance(now);
    }

    private void HandleAnswer(Instant now, TcpProbedPort port, TcpQuestion question, StunReader answer)
    {
        var verdict = ProbeMessage.Judge(answer, _credential, port.Local, out var mapped, out var proof);
        if (verdict == ProbeVerdict.Worthless) return;
        if (verdict == ProbeVerdict.Mapped)
        {
            question.HandleMapped(now, mapped);
            Settle(port, question);
            bool isUnchanged = port.HandleMapped(now, question, proof);
            if (port.IsRoundOpen && !_isSettled) _settleAt ??= now + NatProbeOptions.SettleTime;
            if (question.Purpose == TcpQuestionPurpose.Sample) HandleSampled(port, mapped);
            if (!isUnchanged) StartRound(now, port, isAnew: true);
            else if (question.Purpose == TcpQuestionPurpose.Refresh) ScheduleRefresh(port, now);
        }
        else
        {
            question.End();
            Settle(port, question);
            port.HandleHeard(now);
            if (question.Purpose == TcpQuestionPurpose.Refresh) ScheduleRefresh(port, now); // the mapping may live, only without a new proof
            if (question.Purpose == TcpQuestionPurpose.Sample) HandleSampled(port, null);
            if (verdict == ProbeVerdict.CredentialRefused && !_isRefused)
            {
                _isRefused = true;
                _events.Enqueue(new TcpNatProbeEvent.CredentialRefused(question.Server));
            }
        }

        Advance(now);
    }

    /// <summary>Closes the connection of a question that has ended, or holds it.</summary>
    private void Settle(TcpProbedPort port, TcpQuestion question)
    {
        if (question.Socket == port.Held?.Socket) return;
        if (!port.IsHolding || !question.IsAnswered || question.Purpose == TcpQuestionPurpose.FreshPort
            || (port.Held is not null && question.Purpose != TcpQuestionPurpose.Sample))
        {
            Close(question.Socket);
            return;
        }

        if (port.Held is { HasEnded: true } older) Close(older.Socket);
        port.Held = question;
    }

    /// <summary>Takes the end of a connection that nobody asked to close.</summary>
    private void HandleLost(Instant now, TcpProbedPort port, SocketId socket)
    {
        if (port.Held?.Socket == socket)
        {
            port.Held = null;
            port.RefreshAt = Instant.Earlier(port.RefreshAt, now + HoldPause);
        }

        if (port.Questions.Find(question => question.Socket == socket && !question.HasEnded) is { } open) Fail(now, port, open);
    }

    private void Fail(Instant now, TcpProbedPort port, TcpQuestion question)
    {
        question.End();
        port.NoteFailure(question.Server);
        if (question.Purpose == TcpQuestionPurpose.Sample) TakeSample(now, port, question.GiveUpAt, isRepeated: true);
        else if (question.Purpose == TcpQuestionPurpose.Refresh) StartRound(now, port, isAnew: true); // what was found may not hold any more
    }

    private void HandleSampled(TcpProbedPort port, TransportAddress? mapped) => _events.Enqueue(new TcpNatProbeEvent.Sampled(port.Listener, mapped));

    /// <summary>Does all that is due: gives up questions, ends rounds, refreshes, reports.</summary>
    private void Advance(Instant now)
    {
        if (_roundAt <= now) StartRounds(now);
        foreach (var port in _ports)
        {
            port.HandleRoundDeadline(now);
            while (port.FindLate(now) is { } late)
            {
                if (port.Held?.Socket == late.Socket) port.Held = null;
                Close(late.Socket);
                Fail(now, port, late);
            }

            if (port.TryEndRound()) HandleRoundEnd(now, port);
            port.TryDecide();
            if (port.RefreshAt <= now) Refresh(now, port);
        }

        if (_settleAt <= now) (_settleAt, _isSettled) = (null, true);
        TryReport();
        NextDeadline = FindNextDeadline();
    }

    private void Close(SocketId socket)
    {
        if (_connections.Remove(socket)) _requests.Enqueue(new SocketRequest.Close(socket, Abortive: true));
    }

    private void TryReport()
    {
        if (_servers.IsDefault || _ports.Count == 0) return;
        if (!_isSettled && _ports.Exists(static port => port is { IsRoundOpen: true, IsSilent: false })) return; // one that leads nowhere holds up nobody
        if (_reported is not null && _ports.Exists(static port => port.IsAskingFresh)) return; // the band is told once, not port by port
        foreach (var port in _ports) port.TakeFindings();
        Report = BuildReport();
        if (_reported is not null && _reported.SaysTheSameAs(Report)) return;
        _reported = Report;
        _events.Enqueue(new TcpNatProbeEvent.Reported(Report));
    }

    private Instant? FindNextDeadline()
    {
        var next = Instant.Earlier(_settleAt, _roundAt);
        foreach (var port in _ports) next = Instant.Earlier(next, port.NextDeadline);
        return next;
    }

    private TcpNatReport BuildReport()
    {
        bool isReachable = _ports.Exists(static port => port.WasHeard);
        bool isComplete = _ports.TrueForAll(static port => port.IsDecided);
        var mapped = _ports.Where(static port => port.Kept is not null && !port.Found.IsEmpty).ToList();
        var main = mapped.Find(static port => !port.Local.IsIPv6) ?? mapped.FirstOrDefault();
        if (main is null)
        {
            bool isSilent = !isReachable && _ports.Exists(static port => port.IsSilent);
            return new TcpNatReport { Mapping = isSilent ? NatMapping.Blocked : NatMapping.Unknown, IsReachable = isReachable, IsComplete = isComplete };
        }

        var (allocation, step) = main.Allocation;
        bool hasBand = allocation == NatAllocation.Random;
        return new TcpNatReport
        {
            Mapping = main.Mapping,
            Allocation = allocation,
            Step = step,
            LowestPort = hasBand ? main.LowestPort : (ushort)0,
            HighestPort = hasBand ? main.HighestPort : (ushort)0,
            IsReachable = true,
            IsComplete = isComplete,
            Mappings = [.. mapped.Select(static port => port.Kept!)],
        };
    }
}
