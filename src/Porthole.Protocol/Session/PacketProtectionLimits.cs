namespace Porthole.Protocol.Session;

/// <summary>How long a key of AES-GCM serves (RFC 9001 section 6.6 and appendix B.1, for packets up to 2^16 bytes). Smaller values are for tests.</summary>
public sealed record PacketProtectionLimits
{
    /// <summary>The limits of the RFC.</summary>
    public static PacketProtectionLimits Default { get; } = new();

    /// <summary>After so many packets under one key the next key is due: half of the limit, to leave time for the update to be confirmed.</summary>
    public ulong UpdateAfter { get; init; } = 1UL << 22;

    /// <summary>No key seals more packets than this.</summary>
    public ulong PacketLimit { get; init; } = 1UL << 23;

    /// <summary>After so many packets that were not authentic, over all keys, nothing is opened any more.</summary>
    public ulong ForgeryLimit { get; init; } = 1UL << 52;
}
