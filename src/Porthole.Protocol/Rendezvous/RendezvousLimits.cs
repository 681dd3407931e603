namespace Porthole.Protocol.Rendezvous;

/// <summary>The limits of the rendezvous protocol, which both sides keep and check: a message beyond one is refused whole.</summary>
public static class RendezvousLimits
{
    /// <summary>The version that both sides must speak.</summary>
    public const int Version = 1;

    /// <summary>The longest control message before it is sealed, in bytes: 20 candidates with proofs, or 256 peer ids, and room to spare.</summary>
    public const int MaxMessage = 16 * 1024;

    /// <summary>The most candidates of one peer (MS-ICE2 section 3.1.5.4 has the same number).</summary>
    public const int MaxCandidates = 20;

    /// <summary>
    /// The most candidates with another purpose than a plain check that one peer tells the other in one generation: four rounds of twelve predicted ports, and
    /// some fresh sockets.
    /// </summary>
    public const int MaxGuidedCandidates = 64;

    /// <summary>The most tries of one method in one generation.</summary>
    public const int MaxRounds = 8;

    /// <summary>The most private host candidates of one peer and transport that are handed out: more than four local networks is a scan, not a host.</summary>
    public const int MaxPrivateCandidates = 4;

    /// <summary>The most public hosts among one peer's candidates that a client believes: two families, several providers.</summary>
    public const int MaxPublicHosts = 8;

    /// <summary>The lowest port of a host candidate: below are services of the system, which nobody punches from.</summary>
    public const int MinHostPort = 1024;

    /// <summary>The longest name of a peer, in characters. Shorter than <see cref="PeerId.TextLength"/>, so that no name looks like an id.</summary>
    public const int MaxName = 32;

    /// <summary>The longest name of a room, in characters.</summary>
    public const int MaxRoom = 64;

    /// <summary>The longest access token, in characters.</summary>
    public const int MaxToken = 256;

    /// <summary>The most peers that one peer may allow, or know: what fits into one message.</summary>
    public const int MaxListedPeers = 256;

    /// <summary>The most entries of one part of the answer to a peers request.</summary>
    public const int MaxPeersPerMessage = 100;

    /// <summary>The longest first handshake message of a session, in bytes: it must fit into one datagram later.</summary>
    public const int MaxHandshakeMessage = 1_200;

    /// <summary>The longest proof token, in bytes.</summary>
    public const int MaxProof = 192;

    /// <summary>The longest foundation of a candidate, in characters (RFC 8839 section 5.1).</summary>
    public const int MaxFoundation = 32;

    /// <summary>The most STUN addresses a server announces: two hosts with four ports each.</summary>
    public const int MaxStunAddresses = 8;

    /// <summary>The most public addresses that a peer may say it is seen under: pools are larger, but no peer sees more of one.</summary>
    public const int MaxPooledHosts = 64;

    /// <summary>The largest IP hop limit (RFC 791 section 3.1: eight bits).</summary>
    public const int MaxHops = 255;

    /// <summary>The longest text for a person, in characters.</summary>
    public const int MaxText = 200;

    /// <summary>The longest user name of a STUN credential, in characters (RFC 8489 section 14.3 allows 508 bytes).</summary>
    public const int MaxStunUsername = 256;

    /// <summary>The longest ICE user name fragment and password, in characters (RFC 8839 section 5.4).</summary>
    public const int MaxIceCredential = 256;

    /// <summary>How many may come with a wrong code before the code is burnt: 3 guesses at 60 bits are none, 3 slips of a person are enough.</summary>
    public const int MaxCodeFailures = 3;

    /// <summary>The longest time that a server may let somebody wait for a stranger, and that a client waits at all.</summary>
    public static readonly TimeSpan MaxMeetTimeout = TimeSpan.FromHours(1);

    /// <summary>How long the two who met have to show each other that both hold the code: a handshake over the relay takes two round trips.</summary>
    public static readonly TimeSpan CodeTrial = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait before the first check that a push may ask for.</summary>
    public static readonly TimeSpan MaxStartDelay = TimeSpan.FromMilliseconds(100);
}
