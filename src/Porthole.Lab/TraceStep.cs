namespace Porthole.Lab;

/// <summary>What happens to a packet on its way.</summary>
public enum TraceStep
{
    /// <summary>A host sent it.</summary>
    Sent,

    /// <summary>A NAT or firewall let it pass to the other side.</summary>
    Translated,

    /// <summary>A NAT sent it back to the side it came from.</summary>
    Hairpinned,

    /// <summary>A host received it.</summary>
    Delivered,

    /// <summary>It ended here.</summary>
    Dropped,
}
