using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>Which addresses may be told to whom. Only proved ones go to anybody; private ones only to who can be on the same network.</summary>
internal static class CandidateRules
{
    /// <summary>Two hosts whose IPv4 addresses share this are taken to be on one network.</summary>
    private const int IPv4Prefix = 24;

    /// <summary>An IPv6 network (RFC 4291 section 2.5.1).</summary>
    private const int IPv6Prefix = 64;

    /// <summary>Whether an address can be a candidate's at all.</summary>
    public static bool IsSane(TransportAddress address) =>
        address.Port != 0 && !address.IsUnspecified && !address.IsMulticast && !address.IsLinkLocal && address.Scope == 0;

    /// <summary>Whether a host candidate is one that outsiders cannot reach, so that no server can prove it.</summary>
    public static bool IsLocal(CandidateInfo candidate) => candidate.Kind == CandidateKind.Host && (candidate.Address.IsPrivate || candidate.Address.IsLoopback);

    /// <summary>Whether two addresses are on one network.</summary>
    public static bool AreNeighbours(TransportAddress one, TransportAddress other) => one.SharesPrefix(other, one.IsIPv6 ? IPv6Prefix : IPv4Prefix);

    /// <summary>Whether two public addresses may belong to one site: the same IPv4 address, the same IPv6 /64.</summary>
    public static bool AreOneSite(TransportAddress one, TransportAddress other) => one.IsIPv6 ? one.SharesPrefix(other, IPv6Prefix) : one.SameHost(other);

    /// <summary>The key under which the limits per address are counted: the IPv4 address, or the IPv6 /64, which one customer has at least.</summary>
    public static TransportAddress Site(TransportAddress address)
    {
        if (!address.IsIPv6) return address.Host;
        Span<byte> bytes = stackalloc byte[16];
        address.WriteAddress(bytes);
        bytes[(IPv6Prefix / 8)..].Clear();
        return new TransportAddress(bytes, 0);
    }

    /// <summary>The candidates that could be told to somebody: proved ones, and local ones within their limits. The others are not kept.</summary>
    public static CandidateInfo[] Keep(ImmutableArray<CandidateInfo> candidates, ServerConnection owner, Instant now)
    {
        var kept = new List<CandidateInfo>(candidates.Length);
        LocalCandidateCount local = default;
        foreach (var candidate in candidates)
        {
            if (!IsSane(candidate.Address)) continue;
            if (IsLocal(candidate))
            {
                if (candidate.Purpose != CandidatePurpose.Check || candidate.Address.Port < RendezvousLimits.MinHostPort || !local.TryTake(candidate)) continue;
            }
            else if (!owner.HasProved(candidate.Address, now))
            {
                continue;
            }

            kept.Add(candidate.ForPeers());
        }

        return [.. kept];
    }

    /// <summary>Of an owner's kept candidates those that one receiver may know now.</summary>
    public static ImmutableArray<CandidateInfo> VisibleTo(ServerConnection receiver, ReadOnlySpan<CandidateInfo> candidates, ServerConnection owner, Instant now)
    {
        var visible = ImmutableArray.CreateBuilder<CandidateInfo>(candidates.Length);
        bool? shareSite = null;
        foreach (var candidate in candidates)
        {
            bool isVisible = IsLocal(candidate)
                ? !LeavesTheHost(candidate.Address, owner, receiver) && ((shareSite ??= ShareSite(owner, receiver, now)) || HasNeighbour(receiver, candidate.Address))
                : owner.HasProved(candidate.Address, now) && !LeavesTheHost(candidate.Address, owner, receiver);
            if (isVisible) visible.Add(candidate);
        }

        return visible.DrainToImmutable();
    }

    /// <summary>A loopback address means something only between two programs on the server's own host.</summary>
    private static bool LeavesTheHost(TransportAddress address, ServerConnection owner, ServerConnection receiver) =>
        address.IsLoopback && !(owner.Remote.IsLoopback && receiver.Remote.IsLoopback);

    private static bool ShareSite(ServerConnection owner, ServerConnection receiver, Instant now)
    {
        foreach (var mine in owner.Proved)
        {
            if (mine.Until <= now) continue;
            foreach (var other in receiver.Proved)
            {
                if (other.Until > now && AreOneSite(mine.Host, other.Host)) return true;
            }
        }

        return false;
    }

    private static bool HasNeighbour(ServerConnection receiver, TransportAddress address)
    {
        foreach (var candidate in receiver.Candidates)
        {
            if (candidate.Kind == CandidateKind.Host && AreNeighbours(candidate.Address, address)) return true;
        }

        return false;
    }
}
