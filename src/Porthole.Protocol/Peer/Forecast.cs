using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>What a punch would try, for those who show it to people: the planner's word, not a second opinion.</summary>
public static class Forecast
{
    /// <summary>What the other side would be told of this side's NATs.</summary>
    /// <param name="report">What was found out.</param>
    public static NatFacts FactsOf(NatReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return CandidateGatherer.ToFacts(report);
    }

    /// <summary>The plan of one side.</summary>
    /// <param name="here">What is known of its NATs.</param>
    /// <param name="there">What is known of the other side's.</param>
    /// <param name="transports">By what direct paths both want.</param>
    /// <returns>The methods in the order in which they are preferred; the relay is the last.</returns>
    public static ImmutableArray<PlannedMethod> Plan(NatFacts here, NatFacts there, Transports transports = Transports.All) => Planner.Plan(here, there, transports, isControlling: true);

    /// <summary>The chance of a direct path by any method of a plan, 0 to 1.</summary>
    public static double Chance(ImmutableArray<PlannedMethod> plan)
    {
        double miss = 1;
        foreach (var planned in plan)
        {
            if (planned.Method != PunchMethod.Relay) miss *= 1 - planned.ExpectedSuccess;
        }

        return 1 - miss;
    }
}
