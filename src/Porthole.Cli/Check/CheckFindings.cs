using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.PortMapping;

namespace Porthole.Cli.Check;

/// <summary>All that a check has found.</summary>
/// <param name="Nat">What the STUN servers have shown.</param>
/// <param name="Server">How the server is called, or the servers.</param>
internal sealed record CheckFindings(NatReport Nat, string Server)
{
    /// <summary>What the gateways of this host have mapped.</summary>
    public ImmutableArray<MappedPort> Ports { get; init; } = [];

    /// <summary>Why a gateway maps nothing, in one line; null when there is nothing to say.</summary>
    public string? PortProblem { get; init; }

    /// <summary>Whether a gateway has mapped a UDP port that is reached from everywhere.</summary>
    public bool HasPortMapping => Ports.Any(static port => port.Transport == Porthole.Protocol.Transports.Udp && port.IsPublic);
}
