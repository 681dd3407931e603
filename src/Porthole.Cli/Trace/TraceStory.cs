using System.Globalization;
using Porthole.Diagnostics;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Cli.Trace;

/// <summary>
/// What the entries of a trace mean: which packet is a check, which answer is whose, and what was lost. That a packet was lost is inferred: its answer never came.
/// </summary>
internal sealed class TraceStory
{
    private readonly Dictionary<TransactionId, Exchange> _sent = [];
    private readonly Dictionary<TransactionId, int> _received = []; // checks of the peer, by the number of each
    private readonly HashSet<TransportAddress> _servers = [];
    private readonly Dictionary<(TransportAddress Local, TransportAddress Remote), Stack<TraceEntry>> _requests = []; // those that nobody has called a check yet
    private readonly HashSet<TraceEntry> _checks = new(ReferenceEqualityComparer.Instance);
    private int _lastCheck;

    private TraceStory(TraceRecord record)
    {
        Record = record;
        foreach (var entry in record.Entries) Learn(entry);
        Steps = [.. record.Entries.Select(static entry => (Entry: entry, Step: default(TraceStep)))];
        for (int i = 0; i < Steps.Length; i++) Steps[i].Step = Tell(Steps[i].Entry);
    }

    /// <summary>The trace.</summary>
    public TraceRecord Record { get; }

    /// <summary>Every entry, and what it means; null for those that say nothing to a person.</summary>
    public (TraceEntry Entry, TraceStep? Step)[] Steps { get; }

    /// <summary>Reads a trace.</summary>
    public static TraceStory Of(TraceRecord record) => new(record);

    /// <summary>One request of ours, as often as it was sent, and what came of it.</summary>
    private sealed class Exchange
    {
        public bool IsQuestion { get; init; }

        public int Number { get; set; }

        public int Sends { get; set; }

        public int Told { get; set; }

        public int Answers { get; set; }

        /// <summary>How often it was sent before the last answer came.</summary>
        public int SendsBefore { get; set; }

        /// <summary>Whether a send came through: as many as were answered did, and of equal ones the last.</summary>
        public bool IsReached(int send) => send <= SendsBefore && send > SendsBefore - Answers;
    }

    private void Learn(TraceEntry entry)
    {
        if (entry is TraceEntry.Happened { Event: PeerEvent.CheckTraced { Step: CheckStep.Sent } check })
        {
            // The agent tells of a check right after it was sent. What it does not tell of is a probe.
            if (_requests.GetValueOrDefault((check.Local, check.Remote)) is { Count: > 0 } requests) _checks.Add(requests.Pop());
        }

        if (entry is not TraceEntry.Packet packet || !StunReader.TryParse(packet.Bytes, out var message)) return;
        if (packet.IsSent && message.Class == StunClass.Request)
        {
            bool isQuestion = !message.Has(StunAttributeType.Priority);
            if (isQuestion) _servers.Add(packet.Remote);
            if (!_sent.TryGetValue(message.TransactionId, out var exchange)) _sent[message.TransactionId] = exchange = new Exchange { IsQuestion = isQuestion };
            exchange.Sends++;
            if (isQuestion) return;
            if (!_requests.TryGetValue((packet.Local, packet.Remote), out var requests)) _requests[(packet.Local, packet.Remote)] = requests = [];
            requests.Push(packet);
        }
        else if (!packet.IsSent && IsAnswer(message.Class))
        {
            if (_sent.GetValueOrDefault(message.TransactionId) is { } exchange)
            {
                exchange.Answers++;
                exchange.SendsBefore = exchange.Sends;
            }

            if (message.Has(StunAttributeType.OtherAddress)) _servers.Add(packet.Remote); // also where it answers from another port than was asked
        }
    }

    private TraceStep? Tell(TraceEntry entry) => entry switch
    {
        TraceEntry.Packet packet => TellPacket(packet),
        TraceEntry.ServerMessage message => TellServer(message),
        TraceEntry.Connection connection => TellConnection(connection),
        TraceEntry.Happened { Event: var happened } => TraceNotes.Of(happened) is { } text ? new TraceStep(entry.At, TraceKind.Note, TraceLane.Here, TraceLane.There, text) : null,
        _ => null,
    };

    private TraceStep TellPacket(TraceEntry.Packet packet)
    {
        string by = packet.Carrier == TraceCarrier.Tcp ? " by TCP" : "";
        if (!StunReader.TryParse(packet.Bytes, out var message))
        {
            return packet.IsSent
                ? new TraceStep(packet.At, TraceKind.Question, TraceLane.Here, TraceLane.NatHere, $"asks the gateway {packet.Remote} for a port")
                : new TraceStep(packet.At, TraceKind.Answer, TraceLane.NatHere, TraceLane.Here, $"the gateway {packet.Remote} answers");
        }

        return (packet.IsSent, IsAnswer(message.Class)) switch
        {
            (true, false) => TellRequest(packet, message, by),
            (true, true) => new TraceStep(
                packet.At, TraceKind.Answer, TraceLane.Here, LaneOf(packet.Remote), $"answer to {NameOfTheirs(message.TransactionId)}, to {packet.Remote}{by}{ErrorOf(message)}"),
            (false, false) => TellTheirs(packet, message, by),
            (false, true) => TellAnswer(packet, message, by),
        };
    }

    private TraceStep TellRequest(TraceEntry.Packet packet, in StunReader message, string by)
    {
        var exchange = _sent[message.TransactionId];
        bool isLost = !exchange.IsReached(++exchange.Told) && packet.Carrier == TraceCarrier.Udp;
        string again = exchange.Told > 1 ? string.Create(CultureInfo.InvariantCulture, $", sent again ({exchange.Told})") : "";
        if (exchange.IsQuestion)
        {
            string change = message.Has(StunAttributeType.ChangeRequest) ? ", answer from another port please" : "";
            // Who dropped it, or the answer, is not to be seen from here: this host's NAT is only the first to come to mind.
            return new TraceStep(packet.At, TraceKind.Question, TraceLane.Here, TraceLane.Server, $"STUN question to {packet.Remote}{by}{change}{again}{Lost(isLost)}") { IsLost = isLost };
        }

        bool isOpener = packet.HopLimit > 0;
        bool isCheck = !isOpener && _checks.Contains(packet);
        if (exchange.Number == 0 && isCheck) exchange.Number = ++_lastCheck;
        string what = isOpener ? string.Create(CultureInfo.InvariantCulture, $"opener with hop limit {packet.HopLimit}")
            : isCheck ? string.Create(CultureInfo.InvariantCulture, $"check {exchange.Number}") : "probe";
        string nominates = message.Has(StunAttributeType.UseCandidate) ? ", which chooses the pair" : "";
        var kind = isOpener ? TraceKind.Opener : isCheck ? TraceKind.Check : TraceKind.Probe;
        var end = !isLost ? TraceLane.There : isOpener ? TraceLane.Server : TraceLane.NatThere;
        string from = isCheck ? "" : string.Create(CultureInfo.InvariantCulture, $" from port {packet.Local.Port}");
        return new TraceStep(packet.At, kind, TraceLane.Here, end, $"{what}{from} to {packet.Remote}{by}{nominates}{again}{Lost(isLost)}") { IsLost = isLost };
    }

    private TraceStep TellTheirs(TraceEntry.Packet packet, in StunReader message, string by)
    {
        if (!_received.ContainsKey(message.TransactionId)) _received[message.TransactionId] = _received.Count + 1;
        string nominates = message.Has(StunAttributeType.UseCandidate) ? ", which chooses the pair" : "";
        return new TraceStep(packet.At, TraceKind.Check, TraceLane.There, TraceLane.Here, $"{NameOfTheirs(message.TransactionId)} from {packet.Remote}{by}{nominates}");
    }

    private TraceStep TellAnswer(TraceEntry.Packet packet, in StunReader message, string by)
    {
        var exchange = _sent.GetValueOrDefault(message.TransactionId);
        string seen = message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped) ? $": seen as {mapped}" : "";
        if (exchange is { IsQuestion: false } || (exchange is null && !_servers.Contains(packet.Remote)))
        {
            string of = exchange is { Number: > 0 and var number } ? string.Create(CultureInfo.InvariantCulture, $"check {number}") : "a probe";
            return new TraceStep(packet.At, TraceKind.Answer, TraceLane.There, TraceLane.Here, $"answer to {of}, from {packet.Remote}{by}{seen}{ErrorOf(message)}");
        }

        return new TraceStep(packet.At, TraceKind.Answer, TraceLane.Server, TraceLane.Here, $"STUN answer from {packet.Remote}{by}{seen}{ErrorOf(message)}");
    }

    private static TraceStep TellServer(TraceEntry.ServerMessage message)
    {
        string what = message.Kind switch
        {
            MainMessageKind.Hello => "hello",
            MainMessageKind.Control => "control message",
            MainMessageKind.Relay => "relayed packet",
            MainMessageKind.Refusal => "refusal",
            _ => "message",
        };
        var kind = message.Kind == MainMessageKind.Relay ? TraceKind.Relay : TraceKind.Control;
        string text = string.Create(CultureInfo.InvariantCulture, $"{what}, {message.Length} bytes, sealed");
        if (message.Kind == MainMessageKind.Relay)
        {
            return message.IsSent ? new TraceStep(message.At, kind, TraceLane.Here, TraceLane.There, text) : new TraceStep(message.At, kind, TraceLane.There, TraceLane.Here, text);
        }

        return message.IsSent ? new TraceStep(message.At, kind, TraceLane.Here, TraceLane.Server, text) : new TraceStep(message.At, kind, TraceLane.Server, TraceLane.Here, text);
    }

    private TraceStep TellConnection(TraceEntry.Connection connection)
    {
        var step = connection.Step;
        var there = LaneOf(step.Remote);
        string ports = string.Create(CultureInfo.InvariantCulture, $"{step.Remote} from port {step.Local.Port}");
        return step.Step switch
        {
            ConnectionStep.Tried => new TraceStep(connection.At, TraceKind.Connection, TraceLane.Here, there, $"TCP connect to {ports}"),
            ConnectionStep.Opened => new TraceStep(connection.At, TraceKind.Connection, there, TraceLane.Here, $"TCP connection with {ports} stands"),
            ConnectionStep.Accepted => new TraceStep(connection.At, TraceKind.Connection, there, TraceLane.Here, string.Create(CultureInfo.InvariantCulture, $"TCP connection from {step.Remote} to port {step.Local.Port} taken")),
            ConnectionStep.Failed => new TraceStep(connection.At, TraceKind.Connection, there, TraceLane.Here, $"TCP connection to {ports}: {InWords(step.Failure)}"),
        };
    }

    private static string InWords(SocketFailure? failure) => failure switch
    {
        SocketFailure.Refused => "refused",
        SocketFailure.Unreachable => "the network says: unreachable",
        SocketFailure.TimedOut => "no answer in time",
        SocketFailure.Closed => "closed",
        { } other => other.ToString(),
        null => "failed",
    };

    private string NameOfTheirs(TransactionId id) => _received.TryGetValue(id, out int number) ? string.Create(CultureInfo.InvariantCulture, $"the peer's check {number}") : "a check of the peer";

    private TraceLane LaneOf(TransportAddress remote) => _servers.Contains(remote) ? TraceLane.Server : TraceLane.There;

    private static bool IsAnswer(StunClass messageClass) => messageClass is StunClass.SuccessResponse or StunClass.ErrorResponse;

    private static string Lost(bool isLost) => isLost ? "; no answer came: lost (inferred)" : "";

    private static string ErrorOf(in StunReader message) =>
        message.Class == StunClass.ErrorResponse && message.TryGetErrorCode(out var code, out _) ? string.Create(CultureInfo.InvariantCulture, $", error {(int)code}") : "";
}
