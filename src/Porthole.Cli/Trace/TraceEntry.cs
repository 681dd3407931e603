using Porthole.Diagnostics;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Trace;

/// <summary>One thing that a trace has kept.</summary>
/// <param name="At">When, since the trace began.</param>
internal abstract record TraceEntry(TimeSpan At)
{
    /// <summary>A control packet between this host and anybody but the server's main connection.</summary>
    /// <param name="At">When, since the trace began.</param>
    /// <param name="Carrier">UDP or TCP.</param>
    /// <param name="IsSent">Whether it left this host.</param>
    /// <param name="Local">The local address.</param>
    /// <param name="Remote">The other end.</param>
    /// <param name="HopLimit">The IP hop limit it was sent with; 0 is the socket's own.</param>
    /// <param name="Bytes">Its bytes, without the headers of IP and UDP.</param>
    public sealed record Packet(TimeSpan At, TraceCarrier Carrier, bool IsSent, TransportAddress Local, TransportAddress Remote, int HopLimit, byte[] Bytes) : TraceEntry(At);

    /// <summary>A message of the main connection.</summary>
    /// <param name="At">When, since the trace began.</param>
    /// <param name="IsSent">Whether it left this host.</param>
    /// <param name="Kind">What it is.</param>
    /// <param name="Length">Its length in bytes.</param>
    public sealed record ServerMessage(TimeSpan At, bool IsSent, MainMessageKind Kind, int Length) : TraceEntry(At);

    /// <summary>A step of a TCP connection.</summary>
    /// <param name="At">When, since the trace began.</param>
    /// <param name="Step">The step.</param>
    public sealed record Connection(TimeSpan At, TracedConnection Step) : TraceEntry(At);

    /// <summary>Something that the peer told.</summary>
    /// <param name="At">When, since the trace began.</param>
    /// <param name="Event">What.</param>
    public sealed record Happened(TimeSpan At, PeerEvent Event) : TraceEntry(At);
}
