namespace Porthole.Protocol.Rendezvous;

/// <summary>Two networks, in no order. A network is a prefix that a provider gives to many customers, or to one site: it names no person.</summary>
internal readonly record struct NetworkPair
{
    /// <summary>The longest IPv4 prefix that is announced between providers.</summary>
    private const int IPv4Prefix = 24;

    /// <summary>A site's IPv6 prefix (RFC 6177 section 2): the networks of one site share it.</summary>
    private const int IPv6Prefix = 48;

    private const ulong IPv6Tag = 1UL << IPv6Prefix;

    private readonly ulong _low;
    private readonly ulong _high;

    private NetworkPair(ulong one, ulong other) => (_low, _high) = one <= other ? (one, other) : (other, one);

    /// <summary>The networks that two peers have proved to receive in.</summary>
    /// <returns>Null when one of them has proved no address.</returns>
    public static NetworkPair? Of(ServerConnection one, ServerConnection other, Instant now) =>
        Network(one, now) is { } first && Network(other, now) is { } second ? new NetworkPair(first, second) : null;

    /// <summary>The peer's network: of several that with the lowest number, IPv4 first, so that the order of the proofs says nothing.</summary>
    private static ulong? Network(ServerConnection connection, Instant now)
    {
        ulong? lowest = null;
        Span<byte> bytes = stackalloc byte[16];
        foreach (var proved in connection.Proved)
        {
            if (proved.Until <= now) continue;
            proved.Host.WriteAddress(bytes);
            ulong network = 0;
            foreach (byte part in bytes[..((proved.Host.IsIPv6 ? IPv6Prefix : IPv4Prefix) / 8)]) network = (network << 8) | part;
            if (proved.Host.IsIPv6) network |= IPv6Tag;
            if (lowest is null || network < lowest) lowest = network;
        }

        return lowest;
    }
}
