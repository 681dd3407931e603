namespace Porthole.Lab.Nat;

/// <summary>The answer of a NAT or firewall to one packet.</summary>
/// <param name="Action">What becomes of the packet.</param>
/// <param name="Packet">The translated packet; as it came when it is dropped.</param>
/// <param name="Reason">Why it is dropped; <see cref="NatDropReason.None"/> when it is not.</param>
public readonly record struct NatVerdict(NatAction Action, NatPacket Packet, NatDropReason Reason)
{
    /// <summary>Whether the packet goes on.</summary>
    public bool IsTranslated => Action != NatAction.Drop;

    /// <summary>The packet goes on to the other side.</summary>
    public static NatVerdict Forward(NatPacket packet) => new(NatAction.Forward, packet, NatDropReason.None);

    /// <summary>The packet goes back to the inside.</summary>
    public static NatVerdict Hairpin(NatPacket packet) => new(NatAction.Hairpin, packet, NatDropReason.None);

    /// <summary>The packet is dropped.</summary>
    public static NatVerdict Drop(NatPacket packet, NatDropReason reason) => new(NatAction.Drop, packet, reason);
}
