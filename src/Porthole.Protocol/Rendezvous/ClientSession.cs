using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What a client remembers of a session that the server told it about: enough to catch a server that tells too much, too late or twice.</summary>
internal sealed class ClientSession(PeerId remote, int generation)
{
    /// <summary>Somewhat more restarts than an honest server makes of one session.</summary>
    private const int RestartsPerMinute = 40;

    /// <summary>The most hosts of local networks that one peer can have been in the life of a session: more is a scan.</summary>
    private const int MaxLocalHosts = 4 * RendezvousLimits.MaxPrivateCandidates;

    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    private readonly List<TransportAddress> _publicHosts = [];
    private readonly List<TransportAddress> _localHosts = [];
    private Instant _restartsFullAt;
    private int _count;
    private int _guided;
    private LocalCandidateCount _local;

    public PeerId Remote { get; } = remote;

    public int Generation { get; private set; } = generation;

    /// <summary>Begins a generation: the counts start again.</summary>
    public void Begin(int generation)
    {
        Generation = generation;
        _publicHosts.Clear();
        (_count, _guided, _local) = (0, 0, default);
    }

    /// <summary>Whether one more restart is taken now: each sends checks to whatever addresses come with it.</summary>
    public bool TryTakeRestart(Instant now)
    {
        var next = Instant.Max(_restartsFullAt, now) + s_minute / RestartsPerMinute;
        if (next - now > s_minute) return false;
        _restartsFullAt = next;
        return true;
    }

    /// <summary>
    /// Leaves out what an honest server does not send: impossible addresses, local ones of a network that this host is not on, more than there may be. So
    /// a hostile server cannot make this host scan its own network, or knock at many doors.
    /// </summary>
    /// <param name="candidates">What the server sent.</param>
    /// <param name="own">This side's candidates.</param>
    /// <param name="server">The server's address: one on the same private network sees private addresses.</param>
    public ImmutableArray<CandidateInfo> Filter(ImmutableArray<CandidateInfo> candidates, ImmutableArray<CandidateInfo> own, TransportAddress server)
    {
        var kept = ImmutableArray.CreateBuilder<CandidateInfo>(candidates.Length);
        foreach (var candidate in candidates)
        {
            if (candidate.Kind == CandidateKind.ServerReflexive || !CandidateRules.IsLocal(candidate)) TakePublicHost(candidate.Address);
        }

        foreach (var candidate in candidates)
        {
            ref int count = ref candidate.Purpose == CandidatePurpose.Check ? ref _count : ref _guided;
            int most = candidate.Purpose == CandidatePurpose.Check ? RendezvousLimits.MaxCandidates : RendezvousLimits.MaxGuidedCandidates;
            if (count == most || !IsAllowed(candidate, own, server)) continue;
            count++;
            kept.Add(candidate.ForPeers());
        }

        return kept.DrainToImmutable();
    }

    private bool IsAllowed(CandidateInfo candidate, ImmutableArray<CandidateInfo> own, TransportAddress server)
    {
        var address = candidate.Address;
        if (!CandidateRules.IsSane(address) || (address.IsLoopback && !server.IsLoopback)) return false;
        if (CandidateRules.IsLocal(candidate))
        {
            return candidate.Purpose == CandidatePurpose.Check && address.Port >= RendezvousLimits.MinHostPort && (SharesSite(own) || HasNeighbour(own, address)) && _local.TryTake(candidate) && TakeLocalHost(address);
        }

        if (!_publicHosts.Contains(address.Host)) return false;
        bool isInside = address.IsPrivate || address.IsLoopback;
        return !isInside || server.IsPrivate || server.IsLoopback || (candidate.Purpose == CandidatePurpose.Check && HasNeighbour(own, address));
    }

    private bool TakeLocalHost(TransportAddress address)
    {
        if (_localHosts.Contains(address.Host)) return true;
        if (_localHosts.Count == MaxLocalHosts) return false;
        _localHosts.Add(address.Host);
        return true;
    }

    private void TakePublicHost(TransportAddress address)
    {
        if (_publicHosts.Count < RendezvousLimits.MaxPublicHosts && !_publicHosts.Contains(address.Host)) _publicHosts.Add(address.Host);
    }

    private bool SharesSite(ImmutableArray<CandidateInfo> own)
    {
        foreach (var candidate in own)
        {
            if (CandidateRules.IsLocal(candidate)) continue;
            foreach (var host in _publicHosts)
            {
                if (CandidateRules.AreOneSite(candidate.Address, host)) return true;
            }
        }

        return false;
    }

    private static bool HasNeighbour(ImmutableArray<CandidateInfo> own, TransportAddress address)
    {
        foreach (var candidate in own)
        {
            if (candidate.Kind == CandidateKind.Host && CandidateRules.AreNeighbours(candidate.Address, address)) return true;
        }

        return false;
    }
}
