namespace Porthole.Lab.Nat;

/// <summary>How a NAT chooses the external port of a new mapping (RFC 4787 section 4.2).</summary>
public abstract record PortAllocation
{
    private PortAllocation() { }

    /// <summary>Whether an even internal port gets an even external one, and an odd one an odd (REQ-4).</summary>
    public bool KeepParity { get; init; }

    /// <summary>The internal port if it is free, else a random one.</summary>
    public sealed record Preserve : PortAllocation;

    /// <summary>
    /// The internal port as long as the whole 5-tuple is free, so that several internal endpoints may share an external port towards different
    /// remotes (Linux masquerading); else a random one.
    /// </summary>
    public sealed record PreserveWithOverload : PortAllocation;

    /// <summary>The port after the last one given out.</summary>
    /// <param name="Step">The distance to the next port; may be negative, not 0.</param>
    public sealed record Sequential(int Step = 1) : PortAllocation;

    /// <summary>Any free port, all equally likely.</summary>
    public sealed record Random : PortAllocation;

    /// <summary>A random port of a block that belongs to the internal host alone (RFC 7422).</summary>
    /// <param name="Size">Ports in a block.</param>
    /// <param name="BlocksPerHost">How many blocks a host may fill.</param>
    public sealed record Block(int Size, int BlocksPerHost = 1) : PortAllocation;
}
