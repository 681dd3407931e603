using System.Collections.Immutable;
using Porthole.Lab.Nat;

namespace Porthole.Lab.Scenarios;

/// <summary>A kind of peer, and how many of all peers are of it.</summary>
/// <param name="Place">Where it is: "home", "home, CGN", "mobile", "enterprise".</param>
/// <param name="Kind">What stands before it, in a few words; classes of the same kind make one row of the report.</param>
/// <param name="Weight">The share of all peers.</param>
/// <param name="Side">What stands before it.</param>
public sealed record PopulationClass(string Place, string Kind, double Weight, MeetingSide Side)
{
    /// <summary>What a carrier's pool of addresses is taken to be: enough that nobody guesses right by chance.</summary>
    private const int PoolSize = 4;

    /// <summary>The share of homes without a carrier's NAT whose router maps ports on request: measured 35 to 40 % a decade ago.</summary>
    private const double GatewayShare = 0.30;

    /// <summary>The share of carriers' NATs that give each subscriber a block of ports.</summary>
    private const double BlockShare = 0.5;

    /// <summary>The share of homes behind a carrier's NAT: 17 to 18 % of the networks that serve homes (Richter et al., IMC 2016).</summary>
    private const double CarrierShare = 0.18;

    /// <summary>The share of networks without UDP that let nothing out but a proxy: no other computer is reached by TCP.</summary>
    private const double ProxyShare = 0.5;

    private static readonly int[] s_blocks = [512, 1_024, 4_096];

    // Columns: E/EIF, E/ADF, E/APDF, and symmetric ones (D) that count, preserve, choose at random, choose at random from a pool of addresses; UDP blocked.
    // Sourced where there are figures (Richter et al. IMC 2016, Langley et al. SIGCOMM 2017); how filters divide is an estimate.
    private static readonly (string Place, double[] Shares, double Foreign)[] s_table =
    [
        ("home", [0.20, 0.10, 0.68, 0.01, 0, 0.01, 0, 0], 1),
        ("home, CGN", [0.10, 0.07, 0.70, 0.03, 0.04, 0.05, 0.01, 0], 20),
        ("mobile", [0.20, 0.05, 0.35, 0.10, 0.12, 0.14, 0.04, 0], 20),
        ("enterprise", [0, 0, 0.40, 0, 0, 0.35, 0, 0.25], 5),
    ];

    /// <summary>The sorts of NAT that the weights are given for, in the order of the columns.</summary>
    private static readonly (string Kind, NatProfile Nat)[] s_kinds =
    [
        ("E/EIF", NatProfile.FullCone),
        ("E/ADF", NatProfile.Restricted),
        ("E/APDF", NatProfile.PortRestricted),
        ("D sequential", NatProfile.SymmetricSequential),
        ("D preserving", NatProfile.SymmetricPreserving),
        ("D random", NatProfile.Symmetric),
        ("D pooled", NatProfile.SymmetricPooled),
        (BlockedKind, NatProfile.PortRestricted),
    ];

    /// <summary>The kind of peers whose networks drop UDP.</summary>
    public const string BlockedKind = "UDP blocked";

    /// <summary>Whether no other computer is reached by TCP either, but for the server.</summary>
    public bool HasProxyOnly { get; init; }

    /// <summary>All classes of a mix; the weights add up to 1.</summary>
    public static ImmutableArray<PopulationClass> Of(PopulationMix mix)
    {
        ArgumentNullException.ThrowIfNull(mix);
        double[] shares = [mix.Fixed * (1 - CarrierShare), mix.Fixed * CarrierShare, mix.Mobile, mix.Enterprise];
        var classes = ImmutableArray.CreateBuilder<PopulationClass>();
        for (int row = 0; row < s_table.Length; row++)
        {
            var (place, columns, foreign) = s_table[row];
            for (int column = 0; column < columns.Length; column++)
            {
                double weight = shares[row] * columns[column];
                if (weight == 0) continue;
                var (kind, nat) = s_kinds[column];
                classes.AddRange(Variants(place, kind, weight, nat with { ForeignPortsPerSecond = foreign }));
            }
        }

        return classes.ToImmutable();
    }

    private static IEnumerable<PopulationClass> Variants(string place, string kind, double weight, NatProfile nat) => place switch
    {
        _ when kind == BlockedKind => Blocked(place, weight, nat),
        "home" =>
        [
            new PopulationClass(place, kind, weight * (1 - GatewayShare), nat),
            new PopulationClass(place, kind, weight * GatewayShare, new MeetingSide(nat) { HasGateway = true }),
        ],
        "enterprise" => [new PopulationClass(place, kind, weight, nat)],
        _ => Carried(place, kind, weight, nat),
    };

    // Ports of a block are drawn, so that a block goes with what is endpoint-independent, or random and not pooled.
    private static IEnumerable<PopulationClass> Carried(string place, string kind, double weight, NatProfile nat)
    {
        if (nat.Pooling == AddressPooling.Arbitrary) return [new PopulationClass(place, kind, weight, new MeetingSide(nat) { Addresses = PoolSize })];
        bool isRandom = nat.Allocation is PortAllocation.Random;
        if (nat.Mapping != NatMapping.EndpointIndependent && !isRandom) return [new PopulationClass(place, kind, weight, nat)];
        var blocks = s_blocks.Select(size => new PopulationClass(
            place,
            isRandom ? "D random, block" : kind,
            weight * BlockShare / s_blocks.Length,
            nat with { Allocation = new PortAllocation.Block(size), MaxMappingsPerHost = size }));
        return [new PopulationClass(place, kind, weight * (1 - BlockShare), nat), .. blocks];
    }

    // By TCP they are what the others at such places are: in this proportion.
    private static IEnumerable<PopulationClass> Blocked(string place, double weight, NatProfile nat)
    {
        var (_, columns, _) = s_table[^1];
        double easy = columns[2] / (columns[2] + columns[5]);
        var side = new MeetingSide(nat) { BlocksUdp = true };
        yield return new PopulationClass(place, BlockedKind, weight * ProxyShare, side) { HasProxyOnly = true };
        yield return new PopulationClass(place, BlockedKind, weight * (1 - ProxyShare) * easy, side);
        yield return new PopulationClass(place, BlockedKind, weight * (1 - ProxyShare) * (1 - easy), side with { Nat = NatProfile.Symmetric });
    }
}
