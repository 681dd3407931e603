namespace Porthole.Protocol.Ice;

/// <summary>
/// The numbers an agent works by. The defaults are the RFCs' and suit any agent; <see cref="ForPeers"/> gives those between two Porthole peers.
/// </summary>
public sealed record IceOptions
{
    /// <summary>The least Ta (RFC 8445 section 14.2).</summary>
    public static readonly TimeSpan MinPacing = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// The least RTO between own peers: a round trip in one city with room for jitter. The server measured the real one, so it is raised where need
    /// be.
    /// </summary>
    public static readonly TimeSpan MinRetransmissionTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The longest pause between two consent checks of a pair that carries nothing, in the mean: with the spread of RFC 7675 section 5.1 it is 24 s, which leaves room for some more
    /// before consent ends.
    /// </summary>
    public static readonly TimeSpan LongestIdlePause = TimeSpan.FromSeconds(20);

    /// <summary>The most candidates of either side, whatever the options say: a list that a hostile server hands out stays small.</summary>
    public const int CandidateLimit = 20;

    /// <summary>The most pairs, whatever the options say (RFC 8445 section 6.1.2.5 suggests 100; a peer needs far fewer).</summary>
    public const int PairLimit = 40;

    /// <summary>
    /// The most requests that an agent sends in its life, consent aside: 2,000 of about 120 bytes are all that can be made to hit a stranger.
    /// </summary>
    public const int CheckLimit = 2_000;

    /// <summary>The most requests for one pair, consent aside, so that no pair can use up <see cref="CheckLimit"/>.</summary>
    public const int CheckLimitPerPair = 50;

    /// <summary>
    /// The first requests for a pair whose remote host was learnt from a check alone, and how many more each check from there allows: the source of a
    /// check may be forged by whoever knows the credentials, and a stranger must not be hit by what one packet started.
    /// </summary>
    public const int CheckLimitUnproved = 5, ChecksPerCheckReceived = 2;

    /// <summary>
    /// The most addresses that an agent learns from checks in its life. Two NATs that show a new port for every packet would otherwise make two
    /// agents learn, and check, ever new addresses; and a peer whose address changed so often is better met by a new agent.
    /// </summary>
    public const int LearntLimit = 50;

    /// <summary>
    /// The most TCP connections of one agent: both sides of a simultaneous open, and some hits of a spray, of which strangers that happen to listen are more
    /// than one would think.
    /// </summary>
    public const int ConnectionLimit = 16;

    /// <summary>
    /// The most sockets that wait for checks without being candidates (<see cref="IceAgent.AddSilentSocket"/>): what a spray of ports may open, being a
    /// quarter of the smallest block of ports that carriers hand out.
    /// </summary>
    public const int SilentSocketLimit = 256;

    /// <summary>
    /// The largest check that is sent on a guess (<see cref="IceAgent.WriteProbe"/>), in bytes: many may hit somebody else's port, so they are small. Own
    /// credentials need 96; there is room for two fragments of 51 characters together.
    /// </summary>
    public const int ProbeLimit = 128;

    /// <summary>The most valid pairs that consent is kept on.</summary>
    public const int KeptPairs = 3;

    /// <summary>What RFC 8445 and RFC 7675 say.</summary>
    public static IceOptions Default { get; } = new();

    /// <summary>Ta, the pause between two new checks (RFC 8445 section 14.2); at least 5 ms.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than <see cref="MinPacing"/>.</exception>
    public TimeSpan Pacing { get; init => field = AtLeast(MinPacing, value); } = TimeSpan.FromMilliseconds(50);

    /// <summary>RTO, the wait before the first retransmission (RFC 8445 section 14.3); raised to Ta times the pairs under check.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than <see cref="MinRetransmissionTimeout"/>.</exception>
    public TimeSpan RetransmissionTimeout { get; init => field = AtLeast(MinRetransmissionTimeout, value); } = TimeSpan.FromMilliseconds(500);

    /// <summary>How many transmissions of a check follow each other at RTO before the wait doubles; 1 is RFC 8489 section 6.2.1.</summary>
    public int SteadyTransmissions { get; init => field = AtLeast(1, value); } = 1;

    /// <summary>The longest wait between two transmissions.</summary>
    public TimeSpan MaxRetransmissionInterval { get; init => field = AtLeast(MinRetransmissionTimeout, value); } = TimeSpan.FromSeconds(32);

    /// <summary>Rc, how often one check is sent (RFC 8489 section 6.2.1).</summary>
    public int MaxTransmissions { get; init => field = AtLeast(1, value); } = 7;

    /// <summary>Ti, how long the answer to a check on a TCP connection may take (RFC 8489 section 6.2.2).</summary>
    public TimeSpan ConnectionCheckTimeout { get; init => field = AtLeast(MinPacing, value); } = TimeSpan.FromMilliseconds(39_500);

    /// <summary>
    /// How long the agent tries before it fails: pairs that failed are checked again with growing pauses until then. The default is the patience of
    /// RFC 8863 section 4: an RTO of 500 ms, seven transmissions.
    /// </summary>
    public TimeSpan CheckingTimeout { get; init => field = AtLeast(MinPacing, value); } = TimeSpan.FromMilliseconds(39_500);

    /// <summary>
    /// How long a controlling agent with a valid pair waits for a better one before it nominates (RFC 8445 section 8.1.1); 0 takes the first.
    /// </summary>
    public TimeSpan NominationPatience { get; init => field = AtLeast(TimeSpan.Zero, value); } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Whether consent is kept on up to <see cref="KeptPairs"/> valid pairs, the choice among them being the owner's (<see cref="IceAgent.Use"/>).
    /// Otherwise the nominated pair alone is kept (RFC 8445 section 8.3).
    /// </summary>
    public bool KeepValidPairs { get; init; }

    /// <summary>The mean pause between consent checks (RFC 7675 section 5.1).</summary>
    public TimeSpan ConsentInterval { get; init => field = AtLeast(MinPacing, value); } = TimeSpan.FromSeconds(5);

    /// <summary>Without an answer for this long, consent is over (RFC 7675 section 5.1).</summary>
    public TimeSpan ConsentTimeout { get; init => field = AtLeast(MinPacing, value); } = TimeSpan.FromSeconds(30);

    /// <summary>The most candidates of either side; at most <see cref="CandidateLimit"/>.</summary>
    public int MaxCandidates { get; init => field = Within(CandidateLimit, value); } = CandidateLimit;

    /// <summary>The most pairs; at most <see cref="PairLimit"/>.</summary>
    public int MaxPairs { get; init => field = Within(PairLimit, value); } = PairLimit;

    /// <summary>Whether every check is reported as <see cref="IceEvent.CheckTraced"/>.</summary>
    public bool TraceChecks { get; init; } = true;

    /// <summary>The options between two Porthole peers, whose ways to the server are known.</summary>
    /// <param name="localOneWay">One way from this peer to the server, r_a.</param>
    /// <param name="remoteOneWay">One way from the server to the other peer, r_b.</param>
    /// <returns>Ta 5 ms; RTO max(100 ms, 2(r_a + r_b)), steady for a second, then doubling up to a second; ten seconds in all.</returns>
    public static IceOptions ForPeers(TimeSpan localOneWay, TimeSpan remoteOneWay)
    {
        var throughServer = 2 * (localOneWay + remoteOneWay);
        var rto = throughServer > MinRetransmissionTimeout ? throughServer : MinRetransmissionTimeout;
        return new IceOptions
        {
            Pacing = MinPacing,
            RetransmissionTimeout = rto,
            SteadyTransmissions = 1 + Math.Max(1, (int)(TimeSpan.FromSeconds(1) / rto)),
            MaxRetransmissionInterval = rto > TimeSpan.FromSeconds(1) ? rto : TimeSpan.FromSeconds(1),
            MaxTransmissions = 20,
            CheckingTimeout = TimeSpan.FromSeconds(10),
            ConnectionCheckTimeout = TimeSpan.FromSeconds(3), // TCP sends a lost request three times in it; half a connection makes room in time for a whole one
            NominationPatience = TimeSpan.Zero,
            KeepValidPairs = true,
        };
    }

    /// <summary>The wait after a transmission of a check.</summary>
    /// <param name="rto">The check's RTO.</param>
    /// <param name="transmissions">How often it was sent, from 1.</param>
    internal TimeSpan IntervalAfter(TimeSpan rto, int transmissions)
    {
        int doublings = Math.Clamp(transmissions - SteadyTransmissions, 0, 16);
        var interval = rto * (1 << doublings);
        var cap = MaxRetransmissionInterval > rto ? MaxRetransmissionInterval : rto;
        return interval < cap ? interval : cap;
    }

    private static TimeSpan AtLeast(TimeSpan least, TimeSpan value) =>
        value >= least ? value : throw new ArgumentOutOfRangeException(nameof(value), value, $"At least {least.TotalMilliseconds} ms.");

    private static int AtLeast(int least, int value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
        return value;
    }

    private static int Within(int most, int value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most);
        return AtLeast(1, value);
    }
}
