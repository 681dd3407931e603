using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>
/// Finds out how sockets look from outside and keeps their mappings open: asks every server from every socket at once, so that a healthy network is known
/// after one round trip, then refreshes one mapping of each socket in less than 27 s, which also brings a fresh proof.
/// </summary>
/// <remarks>
/// A part of a machine: its owner gives it the datagrams of the sockets, keeps its deadline, and drains it. Answers count only from the server that was
/// asked, under the id of the question and, if there is a credential, authenticated with it.
/// </remarks>
/// <param name="options">When to ask, repeat and give up.</param>
/// <param name="entropy">For ids and the spread of refreshes.</param>
/// <param name="nextSocket">
/// Numbers the next socket of the machine, for fresh sockets that the probe asks for itself; its owner hands on their requests, events and datagrams. With null it
/// asks nothing but the mapped addresses of the sockets it is given.
/// </param>
public sealed partial class NatProbe(NatProbeOptions options, EntropySource entropy, Func<SocketId>? nextSocket = null)
{
    /// <summary>The most servers that are asked: two hosts with four ports each.</summary>
    public const int MaxServers = 8;

    /// <summary>The most sockets that are probed: more local addresses than any host needs for punching, few enough for a burst.</summary>
    public const int MaxSockets = 32;

    /// <summary>
    /// How many whole rounds may be started at once: a change of network brings some events together. Then it is one each <see cref="RoundPause"/>,
    /// so that a server which renews credentials over and over cannot make this host flood those it names.
    /// </summary>
    public const int MaxRounds = 5;

    /// <summary>The share of <see cref="LongestSilence"/> after which a mapping is refreshed: there must be time to ask again.</summary>
    private const double EarlyShare = 0.7;

    /// <summary>The pause between two rounds in the long run.</summary>
    public static readonly TimeSpan RoundPause = TimeSpan.FromSeconds(2);

    private readonly List<ProbedSocket> _sockets = [];
    private readonly Queue<NatProbeEvent> _events = [];
    private readonly Dictionary<TransportAddress, AgeLimit> _ages = [];
    private ImmutableArray<TransportAddress> _servers;
    private ShortTermCredential? _credential;
    private NatReport? _reported;
    private RoundBudget _rounds;
    private Instant? _roundAt;
    private Instant? _settleAt;
    private bool _isSettled;
    private bool _mayBeDue;
    private int _order;
    private bool _isRefused;

    /// <summary>What is known now, with the newest proofs; <see cref="NatReport.Unknown"/> before the first report.</summary>
    public NatReport Report { get; private set; } = NatReport.Unknown;

    /// <summary>The longest silence that a mapping was seen to survive; null when it was not measured. Where it is short, mappings are refreshed earlier than usual.</summary>
    public TimeSpan? LongestSilence { get; set; }

    /// <summary>When to call <see cref="HandleDeadline"/>; null when nothing is to be waited for.</summary>
    public Instant? NextDeadline { get; private set; }

    /// <summary>Takes the servers and the credential for them, at the start and after every new hello, and asks them all.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="servers">Addresses of STUN servers, the main one first; those beyond <see cref="MaxServers"/> and impossible ones are left out.</param>
    /// <param name="credential">The credential; null for servers that ask for none, which give no proofs.</param>
    public void SetServers(Instant now, ImmutableArray<TransportAddress> servers, ShortTermCredential? credential)
    {
        _servers = [.. ProbeMessage.Usable(servers)];
        (_credential, _isRefused) = (credential, false);
        Probe(now);
    }

    /// <summary>Takes a socket that is open, and asks from it; where the probe has fresh sockets, from those beside it too.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">Its number.</param>
    /// <param name="local">The address it is bound to.</param>
    /// <param name="isSample">Whether it only shows how ports are allocated: it is asked from once, neither refreshed nor reported.</param>
    /// <returns>False when there are <see cref="MaxSockets"/> already, or the socket is known.</returns>
    public bool AddSocket(Instant now, SocketId socket, TransportAddress local, bool isSample = false)
    {
        if (_sockets.Count(static probed => !probed.IsSample) == MaxSockets || _sockets.Exists(probed => probed.Id == socket)) return false;
        var added = new ProbedSocket(socket, local, isSample);
        _sockets.Add(added);
        if (!_servers.IsDefault)
        {
            StartRound(now, added, isFirstSchedule: true);
            OpenSamples(added);
        }

        Advance(now);
        return true;
    }

    /// <summary>Forgets a socket that is closed.</summary>
    public void RemoveSocket(Instant now, SocketId socket)
    {
        var removed = _sockets.Find(probed => probed.Id == socket);
        if (removed is null) return;
        _sockets.Remove(removed);
        if (!removed.IsSample && !_sockets.Exists(other => !other.IsSample && other.Local.SameHost(removed.Local))) ForgetHost(removed.Local);
        Report = Report with { Mappings = Report.Mappings.RemoveAll(mapping => mapping.Socket == socket) }; // at once, even if no new report can be made yet
        Advance(now);
    }

    /// <summary>
    /// Asks everything again: the network may have changed. A report follows even if it says nothing new, for its proofs are; until then
    /// <see cref="Report"/> stays as it was. After <see cref="MaxRounds"/> in a row it may take a <see cref="RoundPause"/>.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="isNewNetwork">Whether the network may be another than before, so that nothing that was found out holds until it is found again.</param>
    public void Probe(Instant now, bool isNewNetwork = false)
    {
        if (isNewNetwork) _traits.Clear();
        if (_servers.IsDefault) return;
        _roundAt = now;
        Advance(now);
    }

    /// <summary>Takes a datagram that came to one of the sockets.</summary>
    /// <returns>True when it answers a question of this probe, genuinely or not: it is for nobody else.</returns>
    public bool HandleDatagram(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> datagram)
    {
        if (!StunReader.TryParse(datagram, out var message) || message.Method != StunMethod.Binding) return false;
        foreach (var probed in _sockets)
        {
            foreach (var question in probed.Questions)
            {
                if (question.Transaction.Id != message.TransactionId) continue;
                if (question.Kind == NatQuestionKind.Hairpin) HandleReturn(now, question, message);
                else if (!ProbeMessage.IsAnswer(message)) return false;
                else if (probed.Id == socket && question.Kind != NatQuestionKind.Mapped) HandleTrialAnswer(now, probed, question, remote, message);
                else if (probed.Id == socket && question.Server == remote) HandleAnswer(now, probed, question, message);
                return true;
            }
        }

        return false;
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
        foreach (var socket in _sockets)
        {
            foreach (var question in socket.Questions)
            {
                if (!question.IsDue) continue;
                if (!writer.TryReserve(question.Kind == NatQuestionKind.Mapped ? ProbeMessage.MaxRequest : ProbeMessage.LargeDatagram, out var segment)) return false;
                writer.Begin(socket.Id, question.Server, question.Kind == NatQuestionKind.Hairpin ? HairpinHops : 0);
                writer.Commit(Write(segment, socket, question));
                question.IsDue = false;
                return true;
            }
        }

        return _mayBeDue = false;
    }

    /// <summary>Takes the next event; drain to false after every input.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out NatProbeEvent? probeEvent) => _events.TryDequeue(out probeEvent);

    /// <summary>Starts the round that was asked for, or puts it off while there have been too many.</summary>
    private void StartRounds(Instant now)
    {
        if (!_rounds.TryTake(now, out var freeAt))
        {
            _roundAt = freeAt;
            return;
        }

        (_roundAt, _reported) = (null, null);
        CloseSamples();
        foreach (var socket in _sockets.ToArray())
        {
            StartRound(now, socket, isFirstSchedule: true);
            OpenSamples(socket);
        }
    }

    private void StartRound(Instant now, ProbedSocket socket, bool isFirstSchedule)
    {
        var schedule = isFirstSchedule ? options.FirstSchedule : options.Schedule;
        var questions = new List<NatQuestion>();
        foreach (var server in ServersFor(socket))
        {
            questions.Add(new NatQuestion(NatQuestionKind.Mapped, server, new StunTransaction(TransactionId.Create(entropy), schedule, now), _order++));
        }

        socket.StartRound(questions, isFirstSchedule);
        (_settleAt, _isSettled) = (null, false);
    }

    private void HandleAnswer(Instant now, ProbedSocket socket, NatQuestion question, StunReader message)
    {
        if (question.HasEnded) return;
        var verdict = ProbeMessage.Judge(message, _credential, socket.Local, out var mapped, out var proof);
        switch (verdict)
        {
            case ProbeVerdict.Worthless:
                return;
            case ProbeVerdict.Mapped:
                if (!question.Transaction.TryComplete(now, message.TransactionId)) return;
                question.IsDue = false;
                if (message.TryGetAddress(StunAttributeType.OtherAddress, out var other)) question.Other = other;
                bool isUnchanged = socket.HandleAnswer(now, question, mapped, proof);
                if (socket.IsRoundOpen && !_isSettled) _settleAt ??= now + NatProbeOptions.SettleTime;
                if (_credential is null && !socket.IsSample) AskOthers(now, socket, question);
                if (!isUnchanged) StartRound(now, socket, isFirstSchedule: true);
                else if (socket.Kept == question) ScheduleRefresh(socket, question.Transaction.LastSentAt);
                if (socket.Kept == question) FollowAge(now, socket, mapped);
                break;
            case ProbeVerdict.Refused or ProbeVerdict.CredentialRefused:
                socket.HandleRefusal(question);
                if (question == socket.Kept) ScheduleRefresh(socket, now); // the mapping lives, only without a new proof
                if (verdict == ProbeVerdict.Refused || _isRefused) break;
                _isRefused = true;
                _events.Enqueue(new NatProbeEvent.CredentialRefused(question.Server));
                break;
        }

        Advance(now);
    }

    /// <summary>Does all that is due: repeats questions, ends rounds, refreshes, reports.</summary>
    private void Advance(Instant now)
    {
        if (_roundAt <= now) StartRounds(now);
        foreach (var socket in _sockets)
        {
            Ask(now, socket);
            if (socket.TryEndRound()) HandleRoundEnd(now, socket);
            if (!socket.IsRoundOpen && socket.Kept is { Transaction.State: StunTransactionState.TimedOut }) HandleMappingLost(now, socket);
            if (socket.RefreshAt <= now) Refresh(now, socket);
            if (ReplaceAt(socket) <= now)
            {
                socket.IsToldOld = true;
                _events.Enqueue(new NatProbeEvent.MappingAgeing(socket.Id));
            }
        }

        if (_settleAt <= now) (_settleAt, _isSettled) = (null, true);
        TryReport(now);
        AdvanceTrials(now);
        NextDeadline = FindNextDeadline();
    }

    /// <summary>Notes how old the mapping is that is kept alive, and how old the one became that was before it.</summary>
    private void FollowAge(Instant now, ProbedSocket socket, TransportAddress mapped)
    {
        if (socket.IsSample) return;
        var (before, bornAfter, firstSeenAt, seenAt) = socket.Life;
        if (before != mapped)
        {
            if (before.SameHost(mapped) && now - seenAt <= AgeLimit.LongestGap) AgesOf(socket).HandleEnd(seenAt - firstSeenAt, now - bornAfter);
            (bornAfter, firstSeenAt, socket.IsToldOld) = (before == default ? now : seenAt, now, false);
        }

        socket.Life = (mapped, bornAfter, firstSeenAt, now);
    }

    private AgeLimit AgesOf(ProbedSocket socket)
    {
        if (!_ages.TryGetValue(socket.Local.Host, out var ages))
        {
            if (_ages.Count == MaxSockets) _ages.Clear();
            _ages.Add(socket.Local.Host, ages = new AgeLimit());
        }

        return ages;
    }

    private Instant? ReplaceAt(ProbedSocket socket) =>
        socket.IsToldOld || socket.IsSample || socket.Life.Mapped == default || !_ages.TryGetValue(socket.Local.Host, out var ages) ? null : socket.Life.BornAfter + ages.Age - AgeLimit.Margin;

    private void Ask(Instant now, ProbedSocket socket)
    {
        foreach (var question in socket.Questions)
        {
            if (!question.HasEnded && question.Transaction.TryBeginAttempt(now)) _mayBeDue = question.IsDue = true;
            else if (question.HasEnded) question.IsDue = false;
        }
    }

    private void HandleRoundEnd(Instant now, ProbedSocket socket)
    {
        if (socket.IsSample || socket.FirstAnswerAt is not null) return; // no refresh, or its time is set
        if (socket.IsFirstSchedule && socket.IsSilent) Restart(now, socket);
        else ScheduleRefresh(socket, now);
    }

    /// <summary>The refresh was not answered: what was found does not hold any more.</summary>
    private void HandleMappingLost(Instant now, ProbedSocket socket)
    {
        socket.ForgetMapping();
        Restart(now, socket);
    }

    private void Refresh(Instant now, ProbedSocket socket)
    {
        socket.RefreshAt = null;
        if (socket.Kept is { HasEnded: true } kept) kept.Repeat(new StunTransaction(TransactionId.Create(entropy), options.Schedule, now));
        else if (socket.Kept is null && !socket.IsRoundOpen) StartRound(now, socket, isFirstSchedule: false);
        Ask(now, socket);
    }

    private void Restart(Instant now, ProbedSocket socket)
    {
        StartRound(now, socket, isFirstSchedule: false);
        Ask(now, socket);
    }

    private void ScheduleRefresh(ProbedSocket socket, Instant from)
    {
        if (socket.IsSample) return;
        double spread = (NatProbeOptions.MaxRefresh - NatProbeOptions.MinRefresh).TotalSeconds;
        var pause = NatProbeOptions.MinRefresh + TimeSpan.FromSeconds(entropy.NextDouble(0, spread));
        if (LongestSilence * EarlyShare is { } earlier && earlier < pause) pause = earlier < NatProbeOptions.ShortestRefresh ? NatProbeOptions.ShortestRefresh : earlier;
        socket.RefreshAt = from + pause;
    }

    private void TryReport(Instant now)
    {
        if (_servers.IsDefault || _sockets.Count == 0) return;
        if (!_isSettled && _samples is { IsOpening: true }) return;
        // A socket that leads nowhere (a VPN that is down, IPv6 without a route) must not hold up those that are answered.
        if (!_isSettled && _sockets.Exists(static socket => socket.IsRoundOpen && !socket.IsSilent)) return;
        foreach (var socket in _sockets) socket.TakeFindings();
        Report = BuildReport(now);
        if (_reported is not null && _reported.SaysTheSameAs(Report)) return;
        _reported = Report;
        _events.Enqueue(new NatProbeEvent.Reported(Report));
    }

    private Instant? FindNextDeadline()
    {
        var next = Instant.Earlier(_settleAt, _roundAt);
        foreach (var socket in _sockets)
        {
            next = Instant.Earlier(Instant.Earlier(next, socket.RefreshAt), ReplaceAt(socket));
            foreach (var question in socket.Questions) next = Instant.Earlier(next, question.NextDeadline);
        }

        return next;
    }

    private NatReport BuildReport(Instant now)
    {
        bool isReachable = _sockets.Exists(static socket => socket.WasHeard);
        bool isComplete = _sockets.TrueForAll(static socket => socket.IsDecided) && !AreTrialsOpen;
        var mappings = _sockets.Where(static socket => !socket.IsSample).Select(static socket => socket.ToMapping()).OfType<LocalMapping>().ToImmutableArray();
        var main = mappings.FirstOrDefault(static mapping => !mapping.Local.IsIPv6) ?? mappings.FirstOrDefault();
        if (main is null)
        {
            bool isSilent = !isReachable && _sockets.Exists(static socket => socket.IsSilent);
            return new NatReport { Mapping = isSilent ? NatMapping.Blocked : NatMapping.Unknown, IsUdpReachable = isReachable, IsComplete = isComplete };
        }

        var found = _sockets.Where(socket => socket.Local.SameHost(main.Local)).SelectMany(static socket => socket.Found).ToList();
        var trials = Find(main.Local)?.Shown ?? default;
        var (allocation, step) = _samples is null ? NatClassifier.JudgeAllocation(found) : PortClassifier.Judge(found);
        var (lowest, highest, block) = main.Mapping is NatMapping.AddressDependent or NatMapping.AddressAndPortDependent ? PortClassifier.JudgeBand(found, allocation) : default;
        int hosts = found.Select(static answer => answer.Mapped.Host).Distinct().Count();
        return new NatReport
        {
            Mapping = main.Mapping,
            Allocation = allocation,
            Step = step,
            MappingsSeen = found.Select(static answer => (answer.Local, answer.Mapped)).Distinct().Count(),
            PreservesPort = main.Mapped.Port == main.Local.Port,
            HasAddressPool = hosts > 1,
            Filtering = trials.Filtering,
            LowestPort = lowest,
            HighestPort = highest,
            BlockSize = block,
            PublicHosts = hosts,
            KeepsParity = PortClassifier.JudgeParity(found, allocation),
            IsOverloading = PortClassifier.IsOverloading(found) ? true : null,
            IsSpoiledByStrangers = trials.IsSpoiledByStrangers,
            Hairpins = trials.Hairpins,
            MaxDatagram = trials.PassesLarge switch
            {
                true => ProbeMessage.LargeDatagram,
                false => _plainRequest,
                null => 0,
            },
            MeasuredAt = MeasuredAt(now),
            IsUdpReachable = true,
            IsComplete = isComplete,
            Mappings = mappings,
        };
    }
}
