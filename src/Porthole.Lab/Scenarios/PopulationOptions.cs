using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>Which population, and how many of its pairs.</summary>
public sealed record PopulationOptions
{
    /// <summary>How many pairs are drawn.</summary>
    public int Pairs
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A study needs a pair.");
    } = 10_000;

    /// <summary>Decides who is drawn, and everything that chance decides in their meetings.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where the peers are.</summary>
    public PopulationMix Mix { get; init; } = PopulationMix.Consumer;

    /// <summary>
    /// <see cref="Transports.Udp"/>: what UDP alone does. <see cref="Transports.All"/>: the pairs that it leaves on the relay try again with TCP, with a mapped
    /// port where a router offers one, and with both.
    /// </summary>
    public Transports Transports { get; init; } = Transports.All;
}
