namespace Porthole.Lab.Nat;

/// <summary>What becomes of a packet at a NAT or firewall.</summary>
public enum NatAction
{
    /// <summary>It is dropped.</summary>
    Drop,

    /// <summary>It goes on to the other side.</summary>
    Forward,

    /// <summary>It goes back to the side it came from: the inside.</summary>
    Hairpin,
}
