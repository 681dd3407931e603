using System.Collections.Immutable;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>What the system says about an IPv6 address.</summary>
[Flags]
internal enum AddressTraits
{
    None = 0,

    /// <summary>Not to be used for anything new, or not yet proved unique on its link.</summary>
    Unusable = 1,

    /// <summary>Made up for a while, to keep the host's constant address private (RFC 8981).</summary>
    Temporary = 2,
}

/// <summary>One address of one interface.</summary>
internal readonly record struct LocalAddress(TransportAddress Address, string Interface, bool HasGateway, AddressTraits Traits);

/// <summary>Picks the addresses that are worth a socket and a candidate: a peer has room for few, and each costs checks.</summary>
internal static class LocalAddressSelector
{
    /// <summary>IPv4 addresses kept: the private ones among them are sent to peers, at most four (docs/architecture.md).</summary>
    public const int MaxIPv4 = 4;

    /// <summary>IPv6 addresses kept: a global one, and one or two local ones.</summary>
    public const int MaxIPv6 = 3;

    /// <summary>How interfaces of container engines and hypervisors are named. Their networks end in this host.</summary>
    private static readonly string[] s_internalNames = ["docker", "br-", "virbr", "cni", "podman", "lxcbr", "lxdbr", "vboxnet", "vmnet", "flannel", "cali", "vEthernet"];

    /// <summary>The addresses to use, the likeliest first; the same input in any order gives the same answer.</summary>
    public static ImmutableArray<TransportAddress> Select(IReadOnlyCollection<LocalAddress> found, bool useLoopback)
    {
        var ranked = found
            .Where(one => !one.Traits.HasFlag(AddressTraits.Unusable) && !one.Address.IsUnspecified && !one.Address.IsMulticast)
            .Select(one => (one.Address, Rank: RankOf(one)))
            .Where(one => one.Rank != Rank.Never)
            .OrderBy(one => one.Rank)
            .ThenBy(one => one.Address)
            .DistinctBy(one => one.Address)
            .ToList();

        // Each family falls back for itself: what is poor is used only where there is nothing better.
        var chosen = ranked.Where(one => !one.Address.IsIPv6 && one.Rank <= Limit(ranked, isIPv6: false)).Take(MaxIPv4)
            .Concat(ranked.Where(one => one.Address.IsIPv6 && one.Rank <= Limit(ranked, isIPv6: true)).Take(MaxIPv6))
            .Select(one => one.Address)
            .ToList();
        var loopback = found.Where(one => one.Address.IsLoopback).Select(one => one.Address).Distinct().Order().ToList();
        return useLoopback || chosen.Count == 0 ? [.. chosen, .. loopback] : [.. chosen];
    }

    private static Rank Limit(List<(TransportAddress Address, Rank Rank)> ranked, bool isIPv6) =>
        ranked.Exists(one => one.Address.IsIPv6 == isIPv6 && one.Rank <= Rank.Ordinary) ? Rank.Ordinary : Rank.LinkLocal;

    private static Rank RankOf(in LocalAddress one)
    {
        if (one.Address.IsLoopback) return Rank.Never;
        if (one.Address.IsLinkLocal) return one.Address.IsIPv6 ? Rank.Never : Rank.LinkLocal; // an IPv6 one means nothing without its zone
        if (IsInternal(one.Interface)) return Rank.Internal;
        if (!one.HasGateway) return Rank.Ordinary;
        return one.Traits.HasFlag(AddressTraits.Temporary) ? Rank.TemporaryWithGateway : Rank.WithGateway;
    }

    private static bool IsInternal(string network) => s_internalNames.Any(name => network.StartsWith(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The lower, the better.</summary>
    private enum Rank
    {
        TemporaryWithGateway,
        WithGateway,
        Ordinary,
        Internal,
        LinkLocal,
        Never,
    }
}
