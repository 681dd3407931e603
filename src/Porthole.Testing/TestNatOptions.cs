using Porthole.Lab;

namespace Porthole.Testing;

/// <summary>How a NAT stands in a test network.</summary>
public sealed record TestNatOptions
{
    /// <summary>The most addresses of one NAT.</summary>
    private const int MaxAddresses = 16;

    /// <summary>The NAT behind which this one stands (a home behind a carrier's NAT); null for the internet.</summary>
    public TestNat? Behind { get; init; }

    /// <summary>Whether it is a carrier's: the network behind it has addresses of 100.64.0.0/10 (RFC 6598), in place of 192.168.0.0/16.</summary>
    public bool IsCarrier { get; init; }

    /// <summary>How many external addresses it has, 1 to 16.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another number.</exception>
    public int Addresses
    {
        get;
        init => field = value is >= 1 and <= MaxAddresses ? value : throw new ArgumentOutOfRangeException(nameof(value), value, $"A NAT has 1 to {MaxAddresses} addresses.");
    } = 1;

    /// <summary>Whether it maps ports on request, by PCP and NAT-PMP.</summary>
    public bool MapsPorts { get; init; }

    /// <summary>Its link to the outside, both directions; null for one that gives the network's latency and loses nothing.</summary>
    public LinkOptions? Link { get; init; }
}
