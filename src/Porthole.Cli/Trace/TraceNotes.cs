using System.Globalization;
using Porthole.Cli.Check;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Trace;

/// <summary>What a peer tells, as lines of a trace.</summary>
internal static class TraceNotes
{
    /// <summary>The line for an event; null where packets show it already, or it is nothing to a reader of traces.</summary>
    public static string? Of(PeerEvent happened) => happened switch
    {
        PeerEvent.Registered registered => $"registered at the server as {registered.Name ?? registered.Id.Short}",
        PeerEvent.ServerLost lost => $"the server is lost: {lost.Text}",
        PeerEvent.SocketsFailed failed => failed.Text,
        PeerEvent.NatReported { Report: { IsComplete: true } report } => $"this side's NAT: mapping {report.Mapping.Code}, ports {report.Allocation.Code}, filtering {report.Filtering.Code}",
        PeerEvent.Incoming incoming => $"{incoming.Name ?? incoming.Key.PeerId.Short} wants to connect",
        PeerEvent.TurnedAway away => $"{away.Name ?? away.Peer.Short} was turned away: {away.Text}",
        PeerEvent.Ringing => "the peer is being asked",
        PeerEvent.Waiting => "waiting for the other side",
        PeerEvent.Introduced introduced => $"told the addresses of {introduced.Peer.Short}: {string.Join(", ", introduced.Candidates.Select(static one => one.Address))}",
        PeerEvent.CodeMissed => "somebody came with another code",
        PeerEvent.Opened opened => $"{opened.Name ?? opened.Key.PeerId.Short} has proved its key: the session stands",
        PeerEvent.Confirmed => "the first sealed round trip is done",
        PeerEvent.PairFound pair => $"checks pass both ways between {pair.Local} and {pair.Remote}",
        PeerEvent.PathChanged moved => $"the session is on this path now: {moved.Path.InWords}",
        PeerEvent.VerdictChanged { Verdict: { Reason: not VerdictReason.Pending } verdict } => $"verdict: {verdict.Sentence}",
        PeerEvent.CheckTraced { Step: CheckStep.NotSymmetric } check => $"the answer to a check of {check.Remote} came from another address, and does not count",
        PeerEvent.CheckTraced { Step: CheckStep.RoleConflict } => "both sides claimed the same role; one of them changes its own",
        PeerEvent.MethodTried { Attempt: { Outcome: AttemptOutcome.Running } attempt } => $"begins: {attempt.Method.InWords}",
        PeerEvent.MethodTried { Attempt: var attempt } => string.Create(
            CultureInfo.InvariantCulture, $"{attempt.Method.InWords}: {attempt.Outcome.InWords} after {attempt.Packets} packets, {attempt.Sockets} sockets"),
        PeerEvent.PortsMapped { Problem: { } problem } => problem,
        PeerEvent.PortsMapped { Ports: { IsEmpty: false } ports } => $"mapped by the gateway: {string.Join(", ", ports)}",
        PeerEvent.Failed failed => $"no connection: {failed.Text}",
        PeerEvent.Closed closed => closed.Text.Length > 0 ? $"the connection is over: {closed.Text}" : "the connection is over",
        _ => null,
    };
}
