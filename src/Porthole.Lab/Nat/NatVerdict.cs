namespace Porthole.Lab.Nat;

/// <summary>The answer of a NAT or firewall to one packet.</summary>
/// <param name="Action">What becomes of the packet.</param>
/// <param name="Packet">The translated packet; as it came when it is dropped or answered.</param>
/// <param name="Reason">Why it is dropped; <see cref="NatDropReason.None"/> when it is not.</param>
public readonly record struct NatVerdict(NatAction Action, NatPacket Packet, NatDropReason Reason)
{
    /// <summary>Whether the packet goes on.</summary>
    public bool IsTranslated => Action is NatAction.Forward or NatAction.Hairpin;

    /// <summary>Whether its sender is told that it does not.</summary>
    public bool IsAnswered => Action is NatAction.Reset or NatAction.PortUnreachable or NatAction.Prohibited;

    /// <summary>The packet goes on to the other side.</summary>
    public static NatVerdict Forward(NatPacket packet) => new(NatAction.Forward, packet, NatDropReason.None);

    /// <summary>The packet goes back to the inside.</summary>
    public static NatVerdict Hairpin(NatPacket packet) => new(NatAction.Hairpin, packet, NatDropReason.None);

    /// <summary>The packet is dropped.</summary>
    public static NatVerdict Drop(NatPacket packet, NatDropReason reason) => new(NatAction.Drop, packet, reason);

    /// <summary>A SYN that nobody asked for is dropped or answered.</summary>
    /// <param name="packet">The SYN, as it came.</param>
    /// <param name="answer">What the box does with such.</param>
    /// <param name="reason">Why it does not pass.</param>
    public static NatVerdict Refuse(NatPacket packet, UnsolicitedSyn answer, NatDropReason reason) => new(
        answer switch
        {
            UnsolicitedSyn.Drop => NatAction.Drop,
            UnsolicitedSyn.Reset => NatAction.Reset,
            UnsolicitedSyn.PortUnreachable => NatAction.PortUnreachable,
            UnsolicitedSyn.Prohibited => NatAction.Prohibited,
        },
        packet,
        reason);
}
