using System.Collections.Immutable;

namespace Porthole.Protocol.Stun;

/// <summary>How a STUN server listens and what it allows.</summary>
public sealed record StunServerOptions
{
    /// <summary>The port of STUN over UDP and TCP (RFC 8489 section 18.6).</summary>
    public const int DefaultPort = 3478;

    /// <summary>The defaults, with nothing to listen on.</summary>
    public static StunServerOptions Default { get; } = new();

    /// <summary>
    /// The local UDP addresses. Give each host address its own sockets, so that an answer comes from the address that was asked and tells it. Several
    /// ports show mapping behaviour; a second host tells address-dependent mapping from endpoint-independent.
    /// </summary>
    public ImmutableArray<TransportAddress> Listen { get; init; } = [];

    /// <summary>
    /// A host address of <see cref="Listen"/> that stands in for any other of them when a client asks for an answer from another address (RFC 5780 section 7.2);
    /// its port does not matter. Without it, public addresses stand in for each other, and private ones for none.
    /// </summary>
    public TransportAddress SecondHost { get; init; }

    /// <summary>
    /// Answers a second to one host without credentials, in the long run. A standard client needs one every 15 s; some hundred of them may share the address
    /// of a carrier's NAT.
    /// </summary>
    public int AnonymousRate
    {
        get;
        init => field = AtLeast(1, value);
    } = 20;

    /// <summary>Answers at once to one host without credentials: several clients' first probes.</summary>
    public int AnonymousBurst
    {
        get;
        init => field = AtLeast(1, value);
    } = 60;

    /// <summary>
    /// Answers a second to all hosts without credentials together: a flood with spoofed sources makes no larger one. 64-byte answers, the longest, at this rate are 10 Mbit/s.
    /// </summary>
    public int AnonymousTotalRate
    {
        get;
        init => field = AtLeast(1, value);
    } = 20_000;

    /// <summary>Answers a second to one peer at one host, with its credentials: 20 sockets that ask 4 ports, twice, each within some seconds.</summary>
    public int PeerRate
    {
        get;
        init => field = AtLeast(1, value);
    } = 50;

    /// <summary>Answers at once to one peer at one host.</summary>
    public int PeerBurst
    {
        get;
        init => field = AtLeast(1, value);
    } = 200;

    /// <summary>How many sources each limit remembers; a power of two, at least 4. 32 bytes each.</summary>
    public int MaxSources
    {
        get;
        init => field = value >= 4 && (value & (value - 1)) == 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A power of two, at least 4.");
    } = 16_384;

    /// <summary>How long a proof is good.</summary>
    public TimeSpan ProofLifetime
    {
        get;
        init => field = value >= TimeSpan.FromSeconds(1)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "At least a second: expiry is kept in seconds.");
    } = ReflexiveProof.DefaultLifetime;

    private static int AtLeast(int least, int value) => value >= least
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value, $"At least {least}.");
}
