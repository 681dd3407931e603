namespace Porthole.Protocol;

/// <summary>How a TCP candidate is met (RFC 6544 section 4.1).</summary>
public enum TcpCandidateType
{
    /// <summary>It connects, and takes no connection.</summary>
    Active,

    /// <summary>It listens.</summary>
    Passive,

    /// <summary>It connects while the other side does the same: what lets two NATs pass.</summary>
    SimultaneousOpen,
}
