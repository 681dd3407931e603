using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <content>Which questions are asked, and when.</content>
public sealed partial class TcpNatProbe
{
    /// <summary>Starts the round that was asked for, or puts it off while there have been too many.</summary>
    private void StartRounds(Instant now)
    {
        if (!_rounds.TryTake(now, out var freeAt))
        {
            _roundAt = freeAt;
            return;
        }

        (_roundAt, _reported) = (null, null);
        foreach (var port in _ports) StartRound(now, port, isAnew: true);
    }

    private void StartRound(Instant now, TcpProbedPort port, bool isAnew)
    {
        var sample = port.Sample;
        foreach (var question in port.Questions)
        {
            if (question.HasEnded) continue;
            question.End();
            if (question.Socket != port.Held?.Socket) Close(question.Socket);
        }

        port.StartRound(now, isAnew);
        foreach (var server in Choose(port)) Ask(now, port, TcpQuestionPurpose.Round, server, s_ti);
        if (sample is not null) TakeSample(now, port, sample.GiveUpAt, isRepeated: true); // the round may need its server
        (_settleAt, _isSettled) = (null, false);
    }

    /// <summary>
    /// Whom a round asks: two ports of the main host and another host, which tell the mapping behaviours apart, then others. Where there are more than three,
    /// one is left for the first sample.
    /// </summary>
    private IEnumerable<TransportAddress> Choose(TcpProbedPort port)
    {
        var usable = _servers.Where(server => ProbeMessage.CanReach(port.Local, server)).ToList();
        if (usable.Count == 0) return [];
        int sameHost = usable.FindIndex(1, server => server.SameHost(usable[0]));
        int otherHost = usable.FindIndex(1, server => !server.SameHost(usable[0]));
        return usable
            .Select(static (server, index) => (Server: server, Index: index))
            .OrderByDescending(entry => entry.Index == 0 || entry.Index == sameHost || entry.Index == otherHost)
            .Take(usable.Count > 3 ? Math.Min(MaxAsked, usable.Count - 1) : usable.Count)
            .Select(static entry => entry.Server);
    }

    /// <summary>Asks one question, over the connection that is held if it leads there, else over a new one.</summary>
    private void Ask(Instant now, TcpProbedPort port, TcpQuestionPurpose purpose, TransportAddress server, TimeSpan patience)
    {
        bool isOverHeld = purpose != TcpQuestionPurpose.FreshPort && port.Held?.Server == server;
        var socket = isOverHeld ? port.Held!.Socket : nextSocket();
        var local = purpose == TcpQuestionPurpose.FreshPort ? port.Local.WithPort(0) : port.Local;
        var question = new TcpQuestion(purpose, socket, local, server, TransactionId.Create(entropy), _order++, now, patience);
        port.Add(question);
        if (isOverHeld)
        {
            port.Held = question;
            question.AskAgain();
            _mayBeDue = true;
            return;
        }

        if (purpose != TcpQuestionPurpose.FreshPort) port.NoteUse(server, _order);
        _connections.Add(socket, port);
        _requests.Enqueue(new SocketRequest.TcpConnect(socket, local, server, now, MessageFraming.Stun));
    }

    /// <summary>Asks for a sample, if there is a server to ask and time left.</summary>
    private void TakeSample(Instant now, TcpProbedPort port, Instant by, bool isRepeated)
    {
        if (now < by && !_servers.IsDefault && port.LeastUsed(_servers, withFailed: !isRepeated) is { } server) Ask(now, port, TcpQuestionPurpose.Sample, server, by - now);
        else HandleSampled(port, null);
    }

    private void HandleRoundEnd(Instant now, TcpProbedPort port)
    {
        if (port.Questions.Count == 0) return; // there is nobody to ask
        ScheduleRefresh(port, now);
        if (!port.IsDependent || port.Allocation.Allocation is NatAllocation.Preserve or NatAllocation.Sequential) return;
        for (int i = 0; i < FreshPorts; i++) Ask(now, port, TcpQuestionPurpose.FreshPort, port.Kept!.Server, Patience);
    }

    private void Refresh(Instant now, TcpProbedPort port)
    {
        port.RefreshAt = null;
        if (port.IsRoundOpen && (port.Kept is null || !port.IsHolding)) return; // its end brings the next
        if (port.Kept is null) StartRound(now, port, isAnew: false);
        else if (port.Held is { HasEnded: true } held) Ask(now, port, TcpQuestionPurpose.Refresh, held.Server, Patience);
        else if (!port.IsConnectedTo(port.Kept.Server)) Ask(now, port, TcpQuestionPurpose.Refresh, port.Kept.Server, Patience);
        else port.RefreshAt = now + SamplePatience; // a sample is under way there
    }

    private void ScheduleRefresh(TcpProbedPort port, Instant from)
    {
        var (least, most) = port.IsHolding ? (NatProbeOptions.MinRefresh, NatProbeOptions.MaxRefresh) : (MinRefresh, MaxRefresh);
        port.RefreshAt = from + (least + TimeSpan.FromSeconds(entropy.NextDouble(0, (most - least).TotalSeconds))) * (1 << Math.Min(port.SilentRounds, MaxSilenceDoublings));
    }
}
