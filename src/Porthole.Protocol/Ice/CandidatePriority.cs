namespace Porthole.Protocol.Ice;

/// <summary>The priorities of candidates and pairs.</summary>
public static class CandidatePriority
{
    /// <summary>The local preference of a host's only address, or of the address it prefers (RFC 8445 section 5.1.2.1).</summary>
    public const ushort HighestLocalPreference = 65_535;

    /// <summary>The other-pref of a host's only address (RFC 6544 section 4.2): the local preference of a TCP candidate has only thirteen bits for it.</summary>
    public const ushort HighestOtherPreference = 8_191;

    private const uint TypePreferenceMask = 0xFF00_0000;

    /// <summary>The type preference (RFC 8445 section 5.1.2.2).</summary>
    public static byte TypePreference(CandidateType type) => type switch
    {
        CandidateType.Host => 126,
        CandidateType.PeerReflexive => 110,
        CandidateType.ServerReflexive => 100,
        CandidateType.Relayed => 0,
    };

    /// <summary>The priority of a candidate (RFC 8445 section 5.1.2.1). The higher is preferred.</summary>
    /// <param name="type">Where the candidate was learnt.</param>
    /// <param name="localPreference">The host's preference among its addresses, 0 to 65,535.</param>
    /// <returns>A number from 1 to 2^31 - 1.</returns>
    public static uint Compute(CandidateType type, ushort localPreference) =>
        ((uint)TypePreference(type) << 24) | ((uint)localPreference << 8) | (uint)(256 - Candidate.Component);

    /// <summary>
    /// The priority of a TCP candidate (RFC 6544 section 4.2). Its type preference is half of UDP's, so that whatever UDP pair there is comes before all of
    /// TCP: its packets do not wait for a lost one, and its NAT mappings need no luck.
    /// </summary>
    /// <param name="type">Where the candidate was learnt.</param>
    /// <param name="tcp">How it is met.</param>
    /// <param name="otherPreference">The host's preference among its addresses, 0 to 8,191.</param>
    /// <exception cref="ArgumentOutOfRangeException">More than <see cref="HighestOtherPreference"/>.</exception>
    public static uint ComputeTcp(CandidateType type, TcpCandidateType tcp, ushort otherPreference = HighestOtherPreference)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(otherPreference, HighestOtherPreference);
        int localPreference = (DirectionPreference(type, tcp) << 13) | otherPreference;
        return (TcpTypePreference(type) << 24) | ((uint)localPreference << 8) | (uint)(256 - Candidate.Component);
    }

    /// <summary>
    /// What a check from this candidate carries as PRIORITY: the priority it would have as a peer-reflexive one (RFC 8445 section 7.1.1).
    /// </summary>
    public static uint AsPeerReflexive(uint priority) =>
        ((uint)TypePreference(CandidateType.PeerReflexive) << 24) | (priority & ~TypePreferenceMask);

    /// <summary>The same from a TCP candidate.</summary>
    public static uint AsTcpPeerReflexive(uint priority) => (TcpTypePreference(CandidateType.PeerReflexive) << 24) | (priority & ~TypePreferenceMask);

    /// <summary>The priority of a pair (RFC 8445 section 6.1.2.3). Both agents compute the same number.</summary>
    /// <param name="controlling">The priority of the controlling agent's candidate.</param>
    /// <param name="controlled">The priority of the controlled agent's candidate.</param>
    public static ulong ComputePair(uint controlling, uint controlled) =>
        ((ulong)Math.Min(controlling, controlled) << 32)
        + 2 * (ulong)Math.Max(controlling, controlled)
        + (controlling > controlled ? 1UL : 0UL);

    private static uint TcpTypePreference(CandidateType type) => (uint)TypePreference(type) / 2;

    // RFC 6544 section 4.2: behind a NAT a simultaneous open is the likeliest to come through.
    private static int DirectionPreference(CandidateType type, TcpCandidateType tcp)
    {
        bool isReflexive = type is CandidateType.ServerReflexive or CandidateType.PeerReflexive;
        return tcp switch
        {
            TcpCandidateType.Active => isReflexive ? 4 : 6,
            TcpCandidateType.Passive => isReflexive ? 2 : 4,
            TcpCandidateType.SimultaneousOpen => isReflexive ? 6 : 2,
        };
    }
}
