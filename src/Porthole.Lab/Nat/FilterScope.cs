namespace Porthole.Lab.Nat;

/// <summary>Where a NAT keeps what it knows of the destinations that the inside has sent to.</summary>
public enum FilterScope
{
    /// <summary>With each mapping, as connection trackers do: a destination reached through one mapping opens that one only.</summary>
    PerMapping,

    /// <summary>
    /// With the internal endpoint, as RFC 4787 section 5 words it: a destination reached through one mapping opens all of the endpoint's.
    /// </summary>
    PerEndpoint,
}
