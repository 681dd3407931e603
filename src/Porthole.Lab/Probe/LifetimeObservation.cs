namespace Porthole.Lab.Probe;

/// <summary>Which states of a mapping outlived the times that a probe waited.</summary>
/// <param name="UnrepliedOutlivesShort">Whether one packet out still lets an answer in after the shorter wait.</param>
/// <param name="RepliedOutlivesShort">Whether a conversation does.</param>
/// <param name="RepliedOutlivesLong">Whether a conversation, idle for both waits, still lets a packet in.</param>
/// <param name="InboundRefreshes">Whether a packet from outside in between prolongs it (RFC 4787 section 4.3).</param>
public readonly record struct LifetimeObservation(
    bool UnrepliedOutlivesShort, bool RepliedOutlivesShort, bool RepliedOutlivesLong, bool InboundRefreshes);
