using Porthole.Lab.Nat;

namespace Porthole.Lab.Scenarios;

/// <summary>Two ICE agents and what stands between them.</summary>
public sealed record AgentPunchOptions
{
    /// <summary>The first agent's NAT.</summary>
    public required NatProfile First { get; init; }

    /// <summary>The second agent's NAT.</summary>
    public required NatProfile Second { get; init; }

    /// <summary>The way from each NAT to the internet. The way back takes no time, so that this is the path in one direction.</summary>
    public LinkOptions Link { get; init; } = LinkOptions.WithDelay(20);

    /// <summary>How much later the second agent hears of the first.</summary>
    public TimeSpan Skew { get; init; }
}
