using System.Globalization;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>One thing that happened to one packet.</summary>
/// <param name="At">When.</param>
/// <param name="Packet">Which packet: all entries of its way have the same number.</param>
/// <param name="Step">What happened.</param>
/// <param name="Place">The host, router or network where it happened.</param>
/// <param name="Flow">Source and destination; after the translation where there was one.</param>
/// <param name="Before">Source and destination before the translation.</param>
/// <param name="Length">The bytes of the datagram, or of the message in a TCP segment.</param>
/// <param name="Kind">What the datagram or message is, by its first byte.</param>
/// <param name="Drop">Why it ended here.</param>
/// <param name="NatReason">What the NAT or firewall had against it.</param>
public readonly record struct PacketTraceEntry(
    Instant At,
    long Packet,
    TraceStep Step,
    string Place,
    NatPacket Flow,
    NatPacket Before,
    int Length,
    PacketKind Kind,
    PacketDrop Drop,
    NatDropReason NatReason)
{
    /// <summary>One line for a person.</summary>
    public override string ToString()
    {
        string what = Step switch
        {
            TraceStep.Sent => $"sends     {Flow}",
            TraceStep.Translated => $"passes    {Before} as {Flow}",
            TraceStep.Hairpinned => $"returns   {Before} as {Flow}",
            TraceStep.Delivered => $"receives  {Flow}",
            TraceStep.Dropped => $"DROPS     {Flow}: {(NatReason == NatDropReason.None ? Drop.Meaning : NatReason.Meaning)}",
        };
        double milliseconds = At.Ticks / (double)TimeSpan.TicksPerMillisecond;
        string content = Flow switch
        {
            { IsError: true } => "ICMP",
            { Protocol: NatProtocol.Tcp } => Flow.Bits.Name,
            _ => Kind.ToString(),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{milliseconds,9:0.0} ms  {Place,-10} {what}  ({content}, {Length} bytes)");
    }
}
