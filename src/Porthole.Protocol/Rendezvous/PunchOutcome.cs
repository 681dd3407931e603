namespace Porthole.Protocol.Rendezvous;

/// <summary>What one side says a punch came to.</summary>
/// <param name="Method">What led to a direct path; <see cref="PunchMethod.Relay"/> when nothing did.</param>
/// <param name="Reason">Why.</param>
internal readonly record struct PunchOutcome(PunchMethod Method, VerdictReason Reason)
{
    public bool IsDirect => Reason == VerdictReason.Direct;

    /// <summary>Whether it says something, and does not contradict itself.</summary>
    public bool IsSane => Reason != VerdictReason.Pending && IsDirect == (Method != PunchMethod.Relay);
}
