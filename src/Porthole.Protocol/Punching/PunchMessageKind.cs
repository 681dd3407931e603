namespace Porthole.Protocol.Punching;

/// <summary>What two bare punchers say to each other.</summary>
internal enum PunchMessageKind : byte
{
    /// <summary>Is this way open? Wants an answer.</summary>
    Probe = 1,

    /// <summary>It is: the answer to a probe.</summary>
    Answer = 2,

    /// <summary>From the side with the higher id: let this be the way.</summary>
    Chosen = 3,

    /// <summary>From the other side, to each <see cref="Chosen"/>: so be it. From now on it only answers.</summary>
    Agreed = 4,

    /// <summary>From the side with the higher id: the agreement has come, nothing follows.</summary>
    Done = 5,
}
