using Porthole.Lab.Nat;

namespace Porthole.Lab;

/// <summary>
/// What a simulated segment says. Sequence numbers count messages, not bytes: a SYN, each message and a FIN take one (RFC 9293 section 3.4 otherwise).
/// </summary>
/// <param name="Bits">The control bits.</param>
/// <param name="Sequence">The number of what it carries, or of what its sender would send next; of an ICMP error, of the segment that it quotes.</param>
/// <param name="Acknowledgment">What the sender expects next, where the bits have ACK.</param>
/// <param name="Selective">The number of the message whose arrival this acknowledges, out of order or not: what SACK is for (RFC 2018).</param>
/// <param name="HasMessage">Whether it carries a message, which may be empty.</param>
internal readonly record struct TcpHeader(TcpBits Bits, uint Sequence, uint Acknowledgment = 0, uint Selective = 0, bool HasMessage = false)
{
    /// <summary>The RST that answers a segment which belongs to no connection (RFC 9293 section 3.5.2).</summary>
    public TcpHeader ToReset() => Bits.HasFlag(TcpBits.Ack)
        ? new TcpHeader(TcpBits.Reset, Acknowledgment)
        : new TcpHeader(TcpBits.Reset | TcpBits.Ack, 0, Sequence + (Bits.HasFlag(TcpBits.Syn) ? 1u : 0));
}
