using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>All that one side needs to punch: part of the push of a session, and of each restart.</summary>
/// <param name="Generation">Counts the restarts of a session from 0; candidates of another generation are dropped.</param>
/// <param name="Controlling">Whether this side controls (RFC 8445 section 6.1.1): always the one with the lower peer id.</param>
/// <param name="Local">This side's credentials.</param>
/// <param name="Remote">The other side's credentials.</param>
/// <param name="Candidates">The other side's candidates, as far as this side may know them.</param>
/// <param name="Nat">What the other side knows about its NAT.</param>
/// <param name="StartDelay">How long to wait before the first check, so that both begin together: at most 100 ms.</param>
/// <param name="LocalRtt">This side's round trip to the server, as the server measured it.</param>
/// <param name="RemoteRtt">The other side's round trip to the server.</param>
public sealed record PunchPlan(
    int Generation,
    bool Controlling,
    IceCredentialInfo Local,
    IceCredentialInfo Remote,
    ImmutableArray<CandidateInfo> Candidates,
    NatFacts Nat,
    TimeSpan StartDelay,
    TimeSpan LocalRtt,
    TimeSpan RemoteRtt)
{
    /// <summary>
    /// What the other side was told of this side's NAT: both plan from the same facts, though this side may know better by now. Null from a server of before.
    /// </summary>
    public NatFacts? OwnNat { get; init; }

    /// <summary>
    /// What led to a direct path between the networks of the two before, as other peers there said: both sides begin with it, if their own facts allow it at all. Null when
    /// nothing is known.
    /// </summary>
    public PunchMethod? Hint { get; init; }

    /// <summary>Whether the server wants to hear what the punch came to. A server of before does not know the message.</summary>
    public bool WantsOutcome { get; init; }
}
