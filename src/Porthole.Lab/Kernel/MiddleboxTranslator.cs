using System.Diagnostics;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Kernel;

/// <summary>Applies a modelled NAT or firewall to the UDP, TCP and ICMP error packets of a <see cref="TunForwarder"/>; everything else it drops.</summary>
/// <param name="box">The NAT or firewall; used by the forwarder's thread alone.</param>
/// <param name="inside">The network whose packets go out.</param>
/// <param name="prefixLength">The length of its prefix, in bits.</param>
internal sealed class MiddleboxTranslator(IMiddlebox box, TransportAddress inside, int prefixLength)
{
    // Codes of "destination unreachable": RFC 792, and RFC 1812 section 5.2.7.1.
    private const byte Port = 3;
    private const byte Prohibited = 13;

    private readonly long _start = Stopwatch.GetTimestamp();

    public int Translate(Span<byte> buffer, int length)
    {
        var packet = buffer[..length];
        if (!PacketRewriter.TryRead(packet, out var addresses)) return 0;
        var now = new Instant(Stopwatch.GetElapsedTime(_start).Ticks);
        bool outgoing = addresses.Source.SharesPrefix(inside, prefixLength);
        var verdict = outgoing ? box.TranslateOutbound(now, addresses) : box.TranslateInbound(now, addresses);
        switch (verdict.Action)
        {
            case NatAction.Forward or NatAction.Hairpin:
                PacketRewriter.Write(packet, verdict.Packet);
                return length;
            case NatAction.Reset:
                return PacketAnswer.WriteReset(buffer, length);
            case NatAction.PortUnreachable:
                return PacketAnswer.WriteUnreachable(buffer, length, Port);
            case NatAction.Prohibited:
                return PacketAnswer.WriteUnreachable(buffer, length, Prohibited);
            default:
                return 0;
        }
    }
}
