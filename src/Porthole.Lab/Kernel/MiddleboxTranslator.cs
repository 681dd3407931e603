using System.Diagnostics;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Kernel;

/// <summary>Applies a modelled NAT or firewall to the UDP packets of a <see cref="TunForwarder"/>; everything else it drops.</summary>
/// <param name="box">The NAT or firewall; used by the forwarder's thread alone.</param>
/// <param name="inside">The network whose packets go out.</param>
/// <param name="prefixLength">The length of its prefix, in bits.</param>
internal sealed class MiddleboxTranslator(IMiddlebox box, TransportAddress inside, int prefixLength)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public int Translate(Span<byte> buffer, int length)
    {
        var packet = buffer[..length];
        if (!UdpRewriter.TryRead(packet, out var addresses)) return 0;
        var now = new Instant(Stopwatch.GetElapsedTime(_start).Ticks);
        bool outgoing = addresses.Source.SharesPrefix(inside, prefixLength);
        var verdict = outgoing ? box.TranslateOutbound(now, addresses) : box.TranslateInbound(now, addresses);
        if (!verdict.IsTranslated) return 0;
        UdpRewriter.Write(packet, verdict.Packet);
        return length;
    }
}
