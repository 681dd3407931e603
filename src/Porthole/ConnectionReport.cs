using System.Collections.Immutable;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Session;

namespace Porthole;

/// <summary>A connection at one moment.</summary>
/// <param name="Path">The path that is used.</param>
/// <param name="Verdict">Why it is that path.</param>
/// <param name="Paths">All paths with their round trips, windows and counts.</param>
/// <param name="Statistics">What was sent and received in all; null when there is no session.</param>
/// <param name="HandshakeHash">32 bytes that both ends share and nobody between them can foresee: two people who compare it know that nobody is in between.</param>
public sealed record ConnectionReport(
    ConnectionPath Path, PathVerdict Verdict, ImmutableArray<PathStatus> Paths, SessionStatistics? Statistics, ReadOnlyMemory<byte> HandshakeHash);
