using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>What a NAT sees of a UDP packet: where it comes from and where it goes.</summary>
/// <param name="Source">The source address and port.</param>
/// <param name="Destination">The destination address and port.</param>
public readonly record struct NatPacket(TransportAddress Source, TransportAddress Destination)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Source} → {Destination}";
}
