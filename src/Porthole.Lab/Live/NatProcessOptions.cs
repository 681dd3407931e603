using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Live;

/// <summary>Where a <see cref="NatProcess"/> stands and how it behaves. All addresses are loopback addresses: 127.0.0.0/8 is a small internet of its own.</summary>
public sealed record NatProcessOptions
{
    /// <summary>The most mappings, each of which takes a socket: far from what a process may open, far beyond what a few peers need.</summary>
    public const int MaxMappings = 1_024;

    /// <summary>Where its hosts send to; port 0 leaves the port to the system.</summary>
    public required TransportAddress Inside { get; init => field = Loopback(value); }

    /// <summary>The address that the outside sees; the port does not matter.</summary>
    public required TransportAddress Outside { get; init => field = Loopback(value); }

    /// <summary>How it behaves.</summary>
    public NatProfile Profile
    {
        get;
        init => field = value is { MaxMappings: <= MaxMappings } ? value : value with { MaxMappings = MaxMappings };
    } = NatProfile.PortRestricted with { MaxMappings = MaxMappings };

    /// <summary>The seed of random ports.</summary>
    public ulong Seed { get; init; } = 1;

    private static TransportAddress Loopback(TransportAddress address) => address.IsLoopback
        ? address
        : throw new ArgumentException($"{address} is not a loopback address; a lab NAT reaches nothing else.", nameof(address));
}
