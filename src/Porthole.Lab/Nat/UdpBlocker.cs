using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>A NAT or firewall that lets no UDP pass, as in some offices. Everything else it leaves to the box inside it.</summary>
/// <param name="inner">What decides about the rest.</param>
public sealed class UdpBlocker(IMiddlebox inner) : IMiddlebox
{
    /// <summary>What decides about the rest.</summary>
    public IMiddlebox Inner { get; } = inner ?? throw new ArgumentNullException(nameof(inner));

    /// <inheritdoc/>
    public NatVerdict TranslateOutbound(Instant now, NatPacket packet) =>
        packet.Protocol == NatProtocol.Udp ? NatVerdict.Drop(packet, NatDropReason.UdpBlocked) : Inner.TranslateOutbound(now, packet);

    /// <inheritdoc/>
    public NatVerdict TranslateInbound(Instant now, NatPacket packet) =>
        packet.Protocol == NatProtocol.Udp ? NatVerdict.Drop(packet, NatDropReason.UdpBlocked) : Inner.TranslateInbound(now, packet);

    /// <inheritdoc/>
    public void Reset() => Inner.Reset();
}

/// <summary>Boxes in boxes.</summary>
internal static class Middleboxes
{
    extension(IMiddlebox box)
    {
        /// <summary>The NAT in it; null when it has none, or one that is not the lab's.</summary>
        public NatTable? FindNat() => box switch
        {
            NatTable nat => nat,
            UdpBlocker blocker => blocker.Inner.FindNat(),
            _ => null,
        };
    }
}
