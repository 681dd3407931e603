using Porthole.Lab.Nat;

namespace Porthole.Lab.Scenarios;

/// <summary>What stands before one of two peers that meet.</summary>
/// <param name="Nat">The NAT.</param>
public sealed record MeetingSide(NatProfile Nat)
{
    /// <summary>The most addresses of one NAT.</summary>
    private const int MaxAddresses = 64;

    /// <summary>How many external addresses the NAT has.</summary>
    public int Addresses
    {
        get;
        init => field = value is >= 1 and <= MaxAddresses ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A NAT has 1 to 64 addresses.");
    } = 1;

    /// <summary>Whether a firewall drops all UDP.</summary>
    public bool BlocksUdp { get; init; }

    /// <summary>Whether the router maps ports on request.</summary>
    public bool HasGateway { get; init; }

    /// <summary>How much later than the links say the server's messages reach this side, from the call on.</summary>
    public TimeSpan Lag { get; init; }

    /// <summary>A side with a NAT and nothing else.</summary>
    public static implicit operator MeetingSide(NatProfile nat) => new(nat);

    /// <summary>The same as <see cref="op_Implicit"/>, by name.</summary>
    public static MeetingSide FromNatProfile(NatProfile nat) => nat;
}
