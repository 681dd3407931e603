namespace Porthole.Protocol.PortMapping;

/// <summary>What kind of answer a gateway gave.</summary>
internal enum GatewayReplyKind
{
    /// <summary>To a question that changes nothing: the gateway speaks the protocol.</summary>
    Probe,

    /// <summary>To a request for a mapping.</summary>
    Map,

    /// <summary>The gateway does not speak this version.</summary>
    WrongVersion,
}

/// <summary>An answer by PCP or NAT-PMP.</summary>
/// <param name="Kind">What it answers.</param>
/// <param name="Result">The result code; 0 is success.</param>
/// <param name="Epoch">Seconds since the gateway forgot everything (RFC 6887 section 8.5, RFC 6886 section 3.6).</param>
internal readonly record struct GatewayReply(GatewayReplyKind Kind, int Result, uint Epoch)
{
    /// <summary>UDP or TCP; none for a probe.</summary>
    public Transports Transport { get; init; }

    /// <summary>The local port that was asked for; 0 for a probe.</summary>
    public ushort InternalPort { get; init; }

    /// <summary>The mapped port, and the gateway's address where the answer holds it.</summary>
    public TransportAddress External { get; init; }

    /// <summary>For how long, in seconds; of a refusal, for how long it stands (PCP).</summary>
    public uint Lifetime { get; init; }

    /// <summary>The number of the mapping; null where the protocol has none.</summary>
    public MappingNonce? Nonce { get; init; }

    public bool IsSuccess => Result == 0;
}
