namespace Porthole.Lab.Nat;

/// <summary>
/// How a NAT or firewall treats TCP, in the words of RFC 5382, as far as that differs from UDP. An answer always leaves through the session that it
/// answers: a connection has no other.
/// </summary>
public sealed record NatTcpProfile
{
    /// <summary>What RFC 5382 asks for; mapping, filtering and allocation as for UDP.</summary>
    public static NatTcpProfile Default { get; } = new();

    /// <summary>Linux's connection tracker with its default times; streams that it has not seen opening it takes as they are.</summary>
    public static NatTcpProfile Linux { get; } = new()
    {
        Resets = TcpResetEffect.EndsMapping,
        AdoptsStreams = true,
        TransitoryLifetime = TimeSpan.FromSeconds(120),
        EstablishedLifetime = TimeSpan.FromDays(5),
    };

    /// <summary>When external ports are reused (RFC 5382 section 4.1); null is as for UDP.</summary>
    public NatMapping? Mapping { get; init; }

    /// <summary>Who may open connections from outside (RFC 5382 section 4.3); null is as for UDP.</summary>
    public NatFiltering? Filtering { get; init; }

    /// <summary>How external ports are chosen; null is as for UDP.</summary>
    public PortAllocation? Allocation { get; init; }

    /// <summary>What happens to SYNs from outside that are not let in (RFC 5382 REQ-4).</summary>
    public UnsolicitedSyn UnsolicitedSyn { get; init; }

    /// <summary>
    /// Whether a SYN from outside is let in that crosses one from inside (RFC 5382 REQ-2). Strict firewalls admit only a SYN-ACK as the answer to a
    /// SYN.
    /// </summary>
    public bool TracksSimultaneousOpen { get; init; } = true;

    /// <summary>What a RST does to the state. Its answer to a SYN is how a refused punch ends.</summary>
    public TcpResetEffect Resets { get; init; } = TcpResetEffect.EndsSession;

    /// <summary>Whether a segment from inside that belongs to no known connection makes one, as after the restart of a Linux router; else it is dropped.</summary>
    public bool AdoptsStreams { get; init; }

    /// <summary>How long a connection lives that is opening or closing: 4 minutes (RFC 5382 REQ-5); Linux: 120 s after a SYN.</summary>
    public TimeSpan TransitoryLifetime { get; init => field = Positive(value); } = TimeSpan.FromMinutes(4);

    /// <summary>How long an idle open connection lives: 2 hours 4 minutes (RFC 5382 REQ-5); Linux: 5 days.</summary>
    public TimeSpan EstablishedLifetime { get; init => field = Positive(value); } = TimeSpan.FromMinutes(124);

    /// <summary>How long a closed session, and a mapping that has nothing else, is remembered: 10 s in Linux.</summary>
    public TimeSpan ClosedLifetime { get; init => field = Positive(value); } = TimeSpan.FromSeconds(10);

    internal TimeSpan LifetimeIn(TcpState state) => state switch
    {
        TcpState.Established => EstablishedLifetime,
        TcpState.Closed => ClosedLifetime,
        _ => TransitoryLifetime,
    };

    private static TimeSpan Positive(TimeSpan value) =>
        value > TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A lifetime is longer than zero.");
}
