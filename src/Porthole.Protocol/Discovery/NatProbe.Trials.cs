using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>
/// What is found out with fresh sockets, and by packets whose absence tells: how ports are allocated, whom the NAT lets in, whether a stranger's packet spoils a
/// port, whether packets turn round (hairpin), how large they may be.
/// </summary>
/// <remarks>
/// <para>
/// The first flight of one local address, at most twelve packets: the socket that is kept asks all but the last port of the server, and its second address; two
/// fresh ones ask the same ports, and one of them for an answer from the last port, the other for one from the other address. No socket sends to where such an
/// answer comes from, so that only a NAT that lets strangers in passes it.
/// </para>
/// <para>
/// Then, in the background: the one that is kept sends a packet to its own mapped address, and a large one to the server; when no answer from the last port is to be
/// expected any more, the fresh socket that wanted one asks that port, which has sent to it uninvited.
/// </para>
/// </remarks>
public sealed partial class NatProbe
{
    /// <summary>How many ports of the server a fresh socket asks.</summary>
    internal const int SampledPorts = 3;

    /// <summary>
    /// The IP hop limit of a packet to the own mapped address: enough for the way to the outermost NAT and back, too few for the way to somebody whose address a
    /// lying server names.
    /// </summary>
    internal const int HairpinHops = 8;

    /// <summary>The least mapped port that a packet is sent to: below are services, and no NAT gives those out (RFC 4787 section 4.2.2).</summary>
    private const ushort MinHairpinPort = 1_024;

    private readonly List<NatTraits> _traits = [];
    private readonly SampleSockets? _samples = nextSocket is null ? null : new SampleSockets(nextSocket);
    private int _plainRequest;

    /// <summary>Whether the socket is one of the probe's own.</summary>
    public bool Owns(SocketId socket) => _samples is not null && _samples.Owns(socket);

    /// <summary>Takes what became of one of the probe's own sockets.</summary>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when Owns(opened.Socket):
                HandleSampleOpened(now, opened.Socket, opened.Local, _samples!.HandleOpened(opened.Socket));
                break;
            case SocketEvent.Failed failed when Owns(failed.Socket):
                _samples!.HandleFailed(failed.Socket);
                _sockets.RemoveAll(probed => probed.Id == failed.Socket);
                break;
            default:
                return;
        }

        Advance(now);
    }

    /// <summary>Takes the next request to the driver, for a socket of the probe's own.</summary>
    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request)
    {
        request = null;
        return _samples is not null && _samples.TryTakeRequest(out request);
    }

    /// <summary>Closes the probe's own sockets.</summary>
    public void CloseSamples()
    {
        _samples?.CloseAll();
        if (_samples is not null) _sockets.RemoveAll(static socket => socket.IsSample);
    }

    /// <summary>Whether some trial of this round is under way, or yet to come.</summary>
    internal bool AreTrialsOpen => _samples is not null
        && (_samples.IsOpening || _traits.Exists(traits => !traits.IsFollowedUp && IsHeard(traits.Host)) || _sockets.Exists(AreTrialsOpenOf));

    private static bool AreTrialsOpenOf(ProbedSocket socket) =>
        socket.Questions.Any(static question => question.Kind != NatQuestionKind.Mapped && !question.IsJudged) || (!socket.IsClosed && IsStrangerToCome(socket));

    /// <summary>Whether the last port is still to be asked, when the answer that it sent uninvited must have come.</summary>
    private static bool IsStrangerToCome(ProbedSocket socket) =>
        socket.Find(NatQuestionKind.OtherPort) is { IsRefused: false } && socket.Find(NatQuestionKind.Stranger) is null && !socket.Found.IsEmpty && StrangerOf(socket) != default;

    private bool IsHeard(TransportAddress host) => _sockets.Exists(socket => !socket.IsSample && socket.Local.SameHost(host) && socket.Kept is not null);

    private NatTraits? Find(TransportAddress host) => _traits.Find(traits => traits.Host.SameHost(host));

    private void ForgetHost(TransportAddress host)
    {
        _samples?.CloseOf(host);
        _sockets.RemoveAll(socket => socket.IsSample && socket.Local.SameHost(host));
        _traits.RemoveAll(traits => traits.Host.SameHost(host));
    }

    /// <summary>Asks for the fresh sockets beside a kept one. IPv6 is seldom translated, and loopback never.</summary>
    private void OpenSamples(ProbedSocket socket)
    {
        if (_samples is null || socket.IsSample || socket.Local.IsIPv6 || !ServersFor(socket).Any()) return;
        _sockets.RemoveAll(sample => sample.IsSample && sample.Local.SameHost(socket.Local)); // those of an earlier socket, which are closed
        _samples.Open(socket.Local);
        if (Find(socket.Local) is { } known) known.IsFollowedUp = false;
        else _traits.Add(new NatTraits(socket.Local.Host));
    }

    private void HandleSampleOpened(Instant now, SocketId id, TransportAddress local, int index)
    {
        if (_servers.IsDefault) return;
        var sample = new ProbedSocket(id, local, isSample: true);
        _sockets.Add(sample);
        StartRound(now, sample, isFirstSchedule: true);
        if (sample.Questions.Count == 0) return;

        // Behind the first question, so that an answer is there before the last, and the first report says what it means.
        var kind = index == 0 ? NatQuestionKind.OtherPort : NatQuestionKind.OtherHost;
        sample.AskSecond(NewTrial(kind, sample.Questions[0].Server, now));
    }

    /// <summary>The servers that a socket asks: with fresh sockets the last port of each host is left to them, which take the first host only.</summary>
    private IEnumerable<TransportAddress> ServersFor(ProbedSocket socket)
    {
        var reachable = _servers.Where(server => ProbeMessage.CanReach(socket.Local, server));
        if (_samples is null) return reachable;
        var hosts = reachable.GroupBy(static server => server.Host).Select(static ports => ports.Count() > SampledPorts ? ports.SkipLast(1) : ports);
        return socket.IsSample ? hosts.FirstOrDefault()?.Take(SampledPorts) ?? [] : hosts.SelectMany(static ports => ports);
    }

    private NatQuestion NewTrial(NatQuestionKind kind, TransportAddress server, Instant notBefore) =>
        new(kind, server, new StunTransaction(TransactionId.Create(entropy), options.TrialSchedule, notBefore), _order++);

    private int Write(Span<byte> destination, ProbedSocket socket, NatQuestion question)
    {
        if (question.Kind != NatQuestionKind.Mapped) return ProbeMessage.WriteTrial(destination, question.Kind, question.Transaction.Id, _credential);
        return _plainRequest = ProbeMessage.WriteRequest(destination, question.Transaction.Id, options.Shown(socket.Local), _credential);
    }

    /// <summary>Asks the other addresses of a server that nobody named before (RFC 5780 section 4.3).</summary>
    private void AskOthers(Instant now, ProbedSocket socket, NatQuestion answered)
    {
        var (server, other) = (answered.Server, answered.Other);
        if (other == default || other.SameHost(server) || _servers.Length > 1) return;
        if (socket.Questions.Any(question => question.Kind == NatQuestionKind.Mapped && question.Server != server)) return; // once: whom others name in turn is not asked
        foreach (var next in ProbeMessage.Usable([server.WithPort(other.Port), other.WithPort(server.Port), other]))
        {
            if (!ProbeMessage.CanReach(socket.Local, next) || socket.Questions.Any(question => question.Server == next)) continue;
            socket.Ask(new NatQuestion(NatQuestionKind.Mapped, next, new StunTransaction(TransactionId.Create(entropy), options.FirstSchedule, now), _order++));
        }
    }

    /// <summary>A packet to the own mapped address has come back: to whichever socket, it went through the NAT twice.</summary>
    private void HandleReturn(Instant now, NatQuestion question, StunReader message)
    {
        if (message.Class != StunClass.Request || !question.Transaction.TryComplete(now, message.TransactionId)) return;
        Advance(now);
    }

    private void HandleTrialAnswer(Instant now, ProbedSocket socket, NatQuestion question, TransportAddress remote, StunReader message)
    {
        if (question.HasEnded) return;
        bool isElsewhere = question.Kind switch
        {
            NatQuestionKind.OtherPort => remote.SameHost(question.Server) && remote != question.Server,
            NatQuestionKind.OtherHost => !remote.SameHost(question.Server),
            _ => remote == question.Server,
        };
        if (!isElsewhere && remote != question.Server) return;
        var verdict = ProbeMessage.Judge(message, _credential, socket.Local, out var mapped, out _);
        if (verdict == ProbeVerdict.Worthless) return;

        // A server that does not know CHANGE-REQUEST and ignores it answers from where it was asked; one that sends from where this socket asks proves nothing.
        bool isMeant = verdict == ProbeVerdict.Mapped && isElsewhere && (remote == question.Server || !socket.Questions.Any(other => other.Server == remote));
        if (!isMeant) question.IsRefused = true;
        else if (question.Transaction.TryComplete(now, message.TransactionId)) question.HandleMapped(mapped);
        question.IsDue = false;
        Advance(now);
    }

    /// <summary>Judges the trials that have ended, begins those whose time has come, closes the fresh sockets that have done their part.</summary>
    private void AdvanceTrials(Instant now)
    {
        if (_samples is null) return;
        bool isNew = false;
        foreach (var socket in _sockets)
        {
            if (Find(socket.Local) is not { } traits) continue;
            isNew |= JudgeTrials(socket, traits);
            if (IsStrangerToCome(socket) && socket.Find(NatQuestionKind.OtherPort)!.HasEnded) isNew |= AskStranger(now, socket);
            if (socket is { IsSample: false, IsRoundOpen: false, Kept: not null } && !traits.IsFollowedUp) isNew |= FollowUp(now, socket, traits);
            if (socket is { IsSample: true, IsClosed: false, IsRoundOpen: false } && !AreTrialsOpenOf(socket)) Close(socket);
        }

        foreach (var traits in _traits)
        {
            if (traits.IsFollowedUp && !_sockets.Exists(socket => socket.Local.SameHost(traits.Host) && AreTrialsOpenOf(socket))) traits.Publish();
        }

        if (!isNew) return;
        foreach (var socket in _sockets) Ask(now, socket);
        TryReport(now);
    }

    private void Close(ProbedSocket sample)
    {
        sample.IsClosed = true;
        _samples!.Close(sample.Id);
    }

    private static bool JudgeTrials(ProbedSocket socket, NatTraits traits)
    {
        bool isNew = false;
        foreach (var question in socket.Questions)
        {
            if (question.Kind == NatQuestionKind.Mapped || question.IsJudged || !question.HasEnded) continue;
            isNew = question.IsJudged = true;
            if (question.IsRefused) continue;
            bool isAnswered = question.Transaction.State == StunTransactionState.Answered;
            if (question.Kind != NatQuestionKind.Stranger)
            {
                if (isAnswered || IsSilenceTelling(socket, question)) traits.Take(question.Kind, isAnswered);
            }
            else if (isAnswered && NatClassifier.JudgeMapping(socket.Found) is NatMapping.EndpointIndependent or NatMapping.EndpointOrAddressDependent)
            {
                traits.Take(question.Kind, socket.Found.All(found => found.Mapped != question.Mapped)); // with another mapping for each port it would be another in any case
            }
        }

        return isNew;
    }

    /// <summary>Whether it means something that no answer came: a server that told of no other address may know nothing of CHANGE-REQUEST.</summary>
    private static bool IsSilenceTelling(ProbedSocket socket, NatQuestion question) => question.Kind switch
    {
        NatQuestionKind.OtherPort => StrangerOf(socket) != default,
        NatQuestionKind.OtherHost => OtherOf(socket) is var other && other != default && !other.SameHost(question.Server) && !socket.Questions.Any(asked => asked.Server.SameHost(other)),
        _ => true,
    };

    private static TransportAddress OtherOf(ProbedSocket socket)
    {
        var trial = socket.Find(NatQuestionKind.OtherPort) ?? socket.Find(NatQuestionKind.OtherHost);
        foreach (var question in socket.Questions)
        {
            if (question.Kind == NatQuestionKind.Mapped && question.Other != default && trial is not null && question.Server.SameHost(trial.Server)) return question.Other;
        }

        return default;
    }

    /// <summary>The port of the server that sends uninvited; default if it is not known, or if it was asked and so is no stranger.</summary>
    private static TransportAddress StrangerOf(ProbedSocket socket)
    {
        var other = OtherOf(socket);
        if (other == default || socket.Find(NatQuestionKind.OtherPort) is not { } trial || other.Port == trial.Server.Port) return default;
        var stranger = trial.Server.WithPort(other.Port);
        return socket.Questions.Any(question => question.Kind == NatQuestionKind.Mapped && question.Server == stranger) ? default : stranger;
    }

    /// <summary>Asks the port that has sent uninvited: where it sees another mapping than the rest, its packets have cost that mapping.</summary>
    private bool AskStranger(Instant now, ProbedSocket socket)
    {
        socket.Ask(NewTrial(NatQuestionKind.Stranger, StrangerOf(socket), now));
        return true;
    }

    /// <summary>Begins the trials of the socket that is kept, which need its mapped address.</summary>
    private bool FollowUp(Instant now, ProbedSocket socket, NatTraits traits)
    {
        traits.IsFollowedUp = true;
        var kept = socket.Kept!;
        if (CanTurnRound(socket.Local, kept.Mapped)) socket.Ask(NewTrial(NatQuestionKind.Hairpin, kept.Mapped, now));
        if (_credential is not null) socket.Ask(NewTrial(NatQuestionKind.Large, kept.Server, now));
        return true;
    }

    /// <summary>Whether a mapped address is one that a packet may be sent to: a server out there can name any, also that of a neighbour or of this host's own services.</summary>
    private static bool CanTurnRound(TransportAddress local, TransportAddress mapped) =>
        mapped != local && mapped.Port >= MinHairpinPort && !(mapped.IsPrivate || mapped.IsLinkLocal || mapped.IsLoopback);

    /// <summary>When the facts of this round were found: with its first report.</summary>
    private Instant MeasuredAt(Instant now) => _reported?.MeasuredAt ?? now;
}
