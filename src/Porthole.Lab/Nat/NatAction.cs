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

    /// <summary>It is dropped, and its sender gets a RST in the name of its destination.</summary>
    Reset,

    /// <summary>It is dropped, and its sender gets an ICMP error: port unreachable (RFC 792 code 3; RFC 4443 code 4).</summary>
    PortUnreachable,

    /// <summary>It is dropped, and its sender gets an ICMP error: prohibited by the administrator (RFC 1812 code 13; RFC 4443 code 1).</summary>
    Prohibited,
}
