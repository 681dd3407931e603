using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>Which NATs the grid pairs, how often, and how far everything is from everything.</summary>
public sealed record GridOptions
{
    /// <summary>The NATs of the rows and columns.</summary>
    public IReadOnlyList<NatProfile> Profiles { get; init; } =
        [.. PunchSide.All(FilterScope.PerMapping, AnswerRoute.SameSession).Select(static side => side.ToProfile())];

    /// <summary>Whether the rows and columns are the NATs that a punch must guess at, or walk around: <see cref="NatProfile.HardPresets"/>.</summary>
    public bool IsHard => ReferenceEquals(Profiles, NatProfile.HardPresets);

    /// <summary>What direct paths may be made of.</summary>
    public Transports Transports { get; init; } = Transports.Udp;

    /// <summary>How many seeds run in each cell, from 1 up.</summary>
    public int Seeds
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A cell needs a run.");
    } = 20;

    /// <summary>One way between two hosts, and between a host and the server (r = d).</summary>
    public TimeSpan OneWay
    {
        get;
        init => field = value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A delay is not negative.");
    } = TimeSpan.FromMilliseconds(20);

    /// <summary>The share of datagrams lost in each direction between two hosts.</summary>
    public double Loss { get; init; }

    /// <summary>The jitter in each direction between two hosts.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>How long a run waits for a direct path.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);
}
