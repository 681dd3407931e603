using Porthole.Diagnostics;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Trace;

/// <summary>Who and what stands in the columns of a chart.</summary>
internal sealed class TraceCast
{
    private readonly HashSet<string> _peers = [];
    private readonly HashSet<TransportAddress> _remotes = [];
    private readonly HashSet<TransportAddress> _locals = [];
    private NatReport? _nat;

    /// <summary>Looks through a trace.</summary>
    public TraceCast(TraceRecord record)
    {
        foreach (var entry in record.Entries)
        {
            if (entry is TraceEntry.Packet { Carrier: TraceCarrier.Udp } packet) _locals.Add(packet.Local.Host);
            if (entry is TraceEntry.Happened { Event: var happened }) Learn(happened);
        }
    }

    /// <summary>This peer's name.</summary>
    public string Here { get; private set; } = "this peer";

    /// <summary>The other's name, or that there are several.</summary>
    public string There => _peers.Count switch
    {
        0 => "nobody yet",
        1 => _peers.First(),
        _ => $"{_peers.Count} peers",
    };

    /// <summary>The last verdict; null if there was none.</summary>
    public PathVerdict? Verdict { get; private set; }

    /// <summary>The line under the head of a column.</summary>
    public string CaptionOf(TraceLane lane) => lane switch
    {
        TraceLane.Here => _locals.Count > 0 ? Hosts(_locals) : "",
        TraceLane.NatHere => NatInWords(),
        TraceLane.Server => "",
        TraceLane.NatThere => _remotes.Count > 0 ? Hosts(_remotes) : "",
        TraceLane.There => There,
    };

    private static string Hosts(HashSet<TransportAddress> hosts) => hosts.Count == 1 ? hosts.First().Address.ToString() : $"{hosts.First().Address}, …";

    private string NatInWords() => _nat?.Mappings.FirstOrDefault(static one => !one.Mapped.IsIPv6) is not { } mapping ? ""
        : mapping.IsTranslated ? mapping.Mapped.Address.ToString() : "none";

    private void Learn(PeerEvent happened)
    {
        switch (happened)
        {
            case PeerEvent.Registered registered:
                Here = registered.Name ?? registered.Id.Short;
                break;
            case PeerEvent.NatReported reported:
                _nat = reported.Report;
                break;
            case PeerEvent.Opened opened:
                _peers.Add(opened.Name ?? opened.Key.PeerId.Short);
                break;
            case PeerEvent.Introduced introduced:
                _peers.Add(introduced.Peer.Short);
                break;
            case PeerEvent.CheckTraced check:
                _remotes.Add(check.Remote.Host);
                break;
            case PeerEvent.VerdictChanged { Verdict: { Reason: not VerdictReason.Pending } verdict }:
                Verdict = verdict;
                break;
        }
    }
}
