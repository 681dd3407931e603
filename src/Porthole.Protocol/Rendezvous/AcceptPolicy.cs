namespace Porthole.Protocol.Rendezvous;

/// <summary>Whose connections a peer takes. The server keeps the policy, and the peer's own node checks again.</summary>
public enum AcceptPolicy
{
    /// <summary>Nobody's: the peer only connects.</summary>
    Nobody,

    /// <summary>Anyone's: one push to both sides, at once.</summary>
    Anyone,

    /// <summary>Those of the peers in <see cref="Registration.Allowed"/>; others are refused by policy.</summary>
    Known,

    /// <summary>The peer is asked for each, but for those in <see cref="Registration.Allowed"/>, which pass at once.</summary>
    Ask,
}
