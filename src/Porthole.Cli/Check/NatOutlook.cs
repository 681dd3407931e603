using System.Collections.Immutable;
using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Check;

/// <summary>What a direct connection to one kind of peer would come to.</summary>
/// <param name="Peer">The kind in one word.</param>
/// <param name="Where">The kind in words.</param>
/// <param name="Plan">What would be tried.</param>
internal sealed record NatOutlook(string Peer, string Where, ImmutableArray<PlannedMethod> Plan)
{
    /// <summary>The chance below which nobody should count on a direct path.</summary>
    private const double Hopeless = 0.05;

    private const int WhereWidth = 50;

    private static readonly NatFacts s_open = Router(NatMappingFact.EndpointIndependent, NatAllocationFact.Preserve, NatFilteringFact.EndpointIndependent);
    private static readonly NatFacts s_counting = Router(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Sequential, NatFilteringFact.AddressAndPortDependent, step: 1);
    private static readonly NatFacts s_random = Router(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Random, NatFilteringFact.AddressAndPortDependent);

    /// <summary>The kinds of peers, from the easiest to the hardest.</summary>
    private static readonly ImmutableArray<(string Peer, string Where, NatFacts Facts)> s_kinds =
    [
        ("open", "on the open internet", s_open),
        ("home", "behind a home router (EIM, ADF)", s_open with { Filtering = NatFilteringFact.AddressDependent }),
        ("strict", "behind a strict router (EIM, APDF)", s_open with { Filtering = NatFilteringFact.AddressAndPortDependent }),
        ("symmetric", "behind a symmetric NAT that counts ports", s_counting),
        ("symmetric-random", "behind a symmetric NAT with random ports", s_random),
        ("udp-blocked", "behind a firewall that drops UDP", s_open with { Mapping = NatMappingFact.Blocked, UdpReachable = false }),
    ];

    /// <summary>The chance of a direct path, 0 to 1.</summary>
    public double Chance => Forecast.Chance(Plan);

    /// <summary>The method that is likeliest to be the one, in the order of the plan; the relay where nothing else has a chance.</summary>
    public PlannedMethod Best
    {
        get
        {
            if (Chance < Hopeless) return Plan[^1];
            double miss = 1, most = 0;
            var best = Plan[^1];
            foreach (var planned in Plan)
            {
                if (planned.Method == PunchMethod.Relay) continue;
                double share = miss * planned.ExpectedSuccess;
                if (share > most) (most, best) = (share, planned);
                miss -= share;
            }

            return best;
        }
    }

    /// <summary>The outlook against every kind of peer.</summary>
    public static ImmutableArray<NatOutlook> Of(CheckFindings findings)
    {
        var report = findings.Nat;
        var here = Forecast.FactsOf(report.IsUdpReachable ? report : report with { Mapping = NatMapping.Blocked }) with { HasPortMapping = findings.HasPortMapping };
        return [.. s_kinds.Select(kind => new NatOutlook(kind.Peer, kind.Where, Forecast.Plan(here, kind.Facts, report.Tcp is null ? Transports.Udp : Transports.All)))];
    }

    /// <summary>The outlook as a table.</summary>
    public static IEnumerable<string> Draw(CheckFindings findings)
    {
        yield return "A peer that is".PadRight(WhereWidth) + "direct  mostly by";
        foreach (var outlook in Of(findings))
        {
            string chance = outlook.Best.Method == PunchMethod.Relay ? "no" : string.Create(CultureInfo.InvariantCulture, $"{Math.Min(99, outlook.Chance * 100):0} %");
            yield return $"  {outlook.Where}".PadRight(WhereWidth - 1) + chance.PadLeft(5) + "    " + outlook.Best.Method.Code;
        }
    }

    private static NatFacts Router(NatMappingFact mapping, NatAllocationFact allocation, NatFilteringFact filtering, int step = 0) => new(mapping, allocation, step, UdpReachable: true)
    {
        Filtering = filtering,
        PublicHosts = 1,
        Tcp = new TcpNatFacts(mapping, allocation, step, 0, 0),
    };
}
