namespace Porthole.Lab.Nat;

/// <summary>The external ports that a NAT gives out.</summary>
/// <param name="First">The lowest port.</param>
/// <param name="Last">The highest port.</param>
public readonly record struct PortRange(ushort First, ushort Last)
{
    /// <summary>Everything above the well-known ports (RFC 6335 section 6).</summary>
    public static PortRange Unprivileged { get; } = new(1024, ushort.MaxValue);

    /// <summary>How many ports there are.</summary>
    public int Count => Last - First + 1;

    /// <summary>Whether the port belongs to the range.</summary>
    public bool Contains(int port) => port >= First && port <= Last;
}
