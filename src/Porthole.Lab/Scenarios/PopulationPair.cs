using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>Two peers of a population, and what came of their meeting.</summary>
/// <param name="Caller">Who called.</param>
/// <param name="Called">Who was called.</param>
/// <param name="IsOpen">Whether they have a session, on whatever path.</param>
/// <param name="Method">The method that led to a direct path by UDP; null when none did.</param>
/// <param name="ToDirect">Until that path was in use; null when there is none.</param>
/// <param name="Packets">The datagrams that the side which sent more sent until then.</param>
public sealed record PopulationPair(PopulationClass Caller, PopulationClass Called, bool IsOpen, PunchMethod? Method, TimeSpan? ToDirect, long Packets)
{
    /// <summary>Whether UDP passes on both sides.</summary>
    public bool HasUdp => !Caller.Side.BlocksUdp && !Called.Side.BlocksUdp;

    /// <summary>Whether a direct path came of TCP where there was none by UDP.</summary>
    public bool GainsByTcp { get; init; }

    /// <summary>Whether one came of a mapped port, by UDP.</summary>
    public bool GainsByMapping { get; init; }

    /// <summary>Whether one came of both together.</summary>
    public bool GainsByBoth { get; init; }

    /// <summary>Both kinds, whoever called.</summary>
    public (string First, string Second) Cell =>
        string.CompareOrdinal(Caller.Kind, Called.Kind) <= 0 ? (Caller.Kind, Called.Kind) : (Called.Kind, Caller.Kind);
}
