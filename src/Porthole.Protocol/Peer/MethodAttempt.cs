namespace Porthole.Protocol.Peer;

/// <summary>What came of one method.</summary>
public enum AttemptOutcome
{
    /// <summary>It is under way.</summary>
    Running,

    /// <summary>A path came of it.</summary>
    Succeeded,

    /// <summary>Nothing answered.</summary>
    Unanswered,

    /// <summary>What was sent met refusals: RST, or ICMP errors.</summary>
    Refused,

    /// <summary>The budget for sockets, packets or time ended it, or forbade it.</summary>
    BudgetSpent,

    /// <summary>Another method was through before its turn, or before it was over.</summary>
    Superseded,
}

/// <summary>One method as it was tried, with its cost on this side.</summary>
/// <param name="Method">The method.</param>
/// <param name="Packets">Packets that were sent for it.</param>
/// <param name="Sockets">Sockets that were opened for it, beside those that are always there.</param>
/// <param name="Duration">How long it ran.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Detail">What its packets met, in a few words; empty when there is nothing to add.</param>
public sealed record MethodAttempt(PunchMethod Method, int Packets, int Sockets, TimeSpan Duration, AttemptOutcome Outcome, string Detail = "");
