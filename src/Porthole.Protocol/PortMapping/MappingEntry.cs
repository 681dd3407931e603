namespace Porthole.Protocol.PortMapping;

/// <summary>The number that ties a PCP mapping to who asked for it (RFC 6887 section 11.2): 96 bits.</summary>
/// <param name="High">The first 64.</param>
/// <param name="Low">The last 32.</param>
internal readonly record struct MappingNonce(ulong High, uint Low);

/// <summary>One port that is wanted at a gateway, and what there is of it.</summary>
/// <param name="local">The address that packets to it shall come to.</param>
/// <param name="transport">UDP or TCP.</param>
/// <param name="nonce">The number of PCP; the same in every request for this mapping.</param>
internal sealed class MappingEntry(TransportAddress local, Transports transport, MappingNonce nonce)
{
    public TransportAddress Local { get; } = local;

    public Transports Transport { get; } = transport;

    public MappingNonce Nonce { get; } = nonce;

    /// <summary>The external port to ask for: the local one at first, then the one that was had.</summary>
    public ushort SuggestedPort => Held?.External.Port ?? Local.Port;

    /// <summary>The mapping; null while there is none.</summary>
    public MappedPort? Held { get; set; }

    /// <summary>Whether a request is on its way.</summary>
    public bool IsAsked { get; set; }

    /// <summary>When to ask for it (again); null while it is not to be asked for.</summary>
    public Instant? AskAt { get; set; }

    /// <summary>When the gateway drops it; null while there is none.</summary>
    public Instant? ExpiresAt { get; set; }

    public Instant? NextDeadline => Instant.Earlier(AskAt, ExpiresAt);
}
