namespace Porthole.Lab.Nat;

/// <summary>
/// What a plain punch can do between two NATs: both sides know where the other's server mapping is, and keep sending to every address they learn.
/// </summary>
public enum PunchOutcome
{
    /// <summary>Both directions open over one pair of addresses, whatever is lost and whoever is first.</summary>
    Plain,

    /// <summary>It depends on who is first: some orders lead to an end without success.</summary>
    Sometimes,

    /// <summary>
    /// Packets get through both ways, but over different pairs of addresses, which ICE does not accept (RFC 8445 section 7.2.5.2.1).
    /// </summary>
    CrossTuple,

    /// <summary>One unknown port must be hit.</summary>
    OnePort,

    /// <summary>Unknown ports must be hit on both sides at once.</summary>
    TwoPorts,
}
