namespace Porthole.Protocol.Discovery;

/// <summary>How a NAT chooses the port of a new mapping (RFC 4787 section 4.2), as far as it could be found out.</summary>
public enum NatAllocation
{
    /// <summary>Not found out: too few mappings were seen.</summary>
    Unknown,

    /// <summary>The local port, if it is free.</summary>
    Preserve,

    /// <summary>A port some steps from the last one.</summary>
    Sequential,

    /// <summary>Any port.</summary>
    Random,
}

/// <summary>Ways of port allocation in words.</summary>
public static class NatAllocations
{
    extension(NatAllocation allocation)
    {
        /// <summary>The short form: preserve, sequential, random, unknown.</summary>
        public string Code => allocation switch
        {
            NatAllocation.Unknown => "unknown",
            NatAllocation.Preserve => "preserve",
            NatAllocation.Sequential => "sequential",
            NatAllocation.Random => "random",
        };
    }
}
