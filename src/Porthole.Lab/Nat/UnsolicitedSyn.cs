namespace Porthole.Lab.Nat;

/// <summary>What a NAT or firewall does with a SYN from outside that it does not let in.</summary>
public enum UnsolicitedSyn
{
    /// <summary>Nothing, as RFC 5382 REQ-4 wants for 6 seconds at least: a punch that crosses it goes on undisturbed.</summary>
    Drop,

    /// <summary>It answers with a RST, as an iptables REJECT with <c>tcp-reset</c> or a router's own TCP does.</summary>
    Reset,

    /// <summary>It answers with ICMP port unreachable, as an iptables REJECT does by default: the sender takes it for a refusal.</summary>
    PortUnreachable,

    /// <summary>It answers with ICMP communication administratively prohibited: the sender takes it for an unreachable host.</summary>
    Prohibited,
}
