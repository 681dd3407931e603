namespace Porthole.Forwarding;

/// <summary>What a peer uses of a sharer.</summary>
/// <param name="Counters">What is counted over all of its connections.</param>
/// <param name="Connections">How many connections of the peer are served.</param>
internal sealed record PeerUsage(PeerCounters Counters, int Connections);
