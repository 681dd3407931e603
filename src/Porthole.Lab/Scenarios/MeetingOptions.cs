using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>Who meets, and what lies between them.</summary>
/// <param name="Caller">What stands before the caller.</param>
/// <param name="Called">What stands before the called peer.</param>
public sealed record MeetingOptions(MeetingSide Caller, MeetingSide Called)
{
    /// <summary>What direct paths may be made of.</summary>
    public Transports Transports { get; init; } = Transports.Udp;

    /// <summary>One way between the two hosts, and between a host and the server (r = d).</summary>
    public TimeSpan OneWay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The share of datagrams lost in each direction between the two.</summary>
    public double Loss { get; init; }

    /// <summary>The jitter in each direction between the two.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>How long both have been registered when the one calls the other: enough for the server to measure the round trips.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long to wait for a direct path.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long to go on counting once the path is direct.</summary>
    public TimeSpan Afterwards { get; init; }

    /// <summary>Whether to follow every packet between the two, for <see cref="MeetingCost.MostInASecond"/> and its neighbours.</summary>
    public bool FollowsPackets { get; init; }
}
