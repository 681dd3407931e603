namespace Porthole.Protocol.PortMapping;

/// <summary>How requests and answers of a protocol of datagrams lie on the wire. PCP and NAT-PMP share the port and most of what they can say.</summary>
internal abstract class GatewayCodec
{
    /// <summary>The port at the gateway (RFC 6887 section 19.1, RFC 6886 section 3.1).</summary>
    public const ushort ServerPort = 5351;

    /// <summary>The longest request, in bytes.</summary>
    public const int MaxRequest = 60;

    public abstract PortMappingProtocol Protocol { get; }

    /// <summary>Writes the question that changes nothing.</summary>
    /// <returns>Its length.</returns>
    public abstract int WriteProbe(Span<byte> destination, TransportAddress local);

    /// <summary>Writes a request for a mapping.</summary>
    /// <param name="destination">At least <see cref="MaxRequest"/> bytes.</param>
    /// <param name="entry">What is wanted.</param>
    /// <param name="lifetime">For how long, in seconds; 0 takes it back.</param>
    /// <returns>Its length.</returns>
    public abstract int WriteMap(Span<byte> destination, MappingEntry entry, uint lifetime);

    /// <summary>Reads an answer. Never throws.</summary>
    /// <returns>False when it is none of this protocol's.</returns>
    public abstract bool TryRead(ReadOnlySpan<byte> datagram, out GatewayReply reply);

    /// <summary>Whether the gateway has forgotten its mappings between two answers.</summary>
    /// <param name="before">The epoch that the first answer told.</param>
    /// <param name="now">The epoch of the second.</param>
    /// <param name="elapsed">The time between the two.</param>
    public abstract bool IsStateLost(uint before, uint now, TimeSpan elapsed);

    /// <summary>What a result code says, for a person.</summary>
    public abstract string Explain(int result);
}
