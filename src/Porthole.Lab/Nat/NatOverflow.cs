namespace Porthole.Lab.Nat;

/// <summary>What a NAT does for a new mapping when its table, or one host's share of it, is full.</summary>
public enum NatOverflow
{
    /// <summary>The packet is dropped.</summary>
    Refuse,

    /// <summary>The mapping that was used longest ago gives way.</summary>
    EvictOldest,
}
