using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>How a rendezvous server behaves. The limits are per process and meant to be raised by who knows why.</summary>
public sealed record RendezvousServerOptions
{
    /// <summary>The access token that each client must show; null to serve everyone.</summary>
    public string? Token { get; init; }

    /// <summary>Whether every log-in is announced to every peer, whatever their presence modes; but a room stays among those in it, who may take being there for an invitation.</summary>
    public bool PublicPresence { get; init; }

    /// <summary>Where STUN answers, at most 8; an unspecified address stands for the host that the client reached the server at.</summary>
    /// <exception cref="ArgumentException">There are too many.</exception>
    public ImmutableArray<TransportAddress> Stun
    {
        get;
        init => field = !value.IsDefault && value.Length <= RendezvousLimits.MaxStunAddresses
            ? value
            : throw new ArgumentException("A server announces at most 8 STUN addresses.", nameof(value));
    } = [];

    /// <summary>How long a STUN credential is good; a new one comes when half of it is over.</summary>
    public TimeSpan StunLifetime { get; init; } = TimeSpan.FromHours(2);

    /// <summary>How long a proved address may be handed out after its proof came in; a client renews it in time.</summary>
    public TimeSpan ProofLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The pause between two pings of one client, which measure the round trip and keep NAT mappings of the main connection.</summary>
    public TimeSpan PingPeriod { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How many pings in a row a client may leave unanswered.</summary>
    public int MissedPings { get; init; } = 3;

    /// <summary>How long the hello may take.</summary>
    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a peer that is asked may think.</summary>
    public TimeSpan AskTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether strangers may meet without a code: whoever comes second gets whoever came first, and nobody has proved anything.</summary>
    public bool Lobby { get; init; }

    /// <summary>How long somebody may wait for a stranger, at most an hour.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is longer, or no time at all.</exception>
    public TimeSpan MeetTimeout
    {
        get;
        init => field = value > TimeSpan.Zero && value <= RendezvousLimits.MaxMeetTimeout
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "Nobody waits for a stranger longer than an hour.");
    } = TimeSpan.FromMinutes(10);

    /// <summary>Meetings that one connection may wait for at once.</summary>
    public int MaxWaitingPerConnection { get; init; } = 4;

    /// <summary>Pairing codes that somebody waits with, or that are remembered, in all.</summary>
    public int MaxCodes { get; init; } = 100_000;

    /// <summary>Meetings a minute that are asked for from one IPv4 address or IPv6 /64: identities cost nothing.</summary>
    public int MeetsPerMinute { get; init; } = 60;

    /// <summary>How long a code is remembered after somebody came with it, so that it is not used or guessed at again.</summary>
    public TimeSpan CodeMemory { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Connections in all.</summary>
    public int MaxConnections { get; init; } = 100_000;

    /// <summary>Connections from one IPv4 address or IPv6 /64: many peers may stand behind one carrier NAT.</summary>
    public int MaxConnectionsPerAddress { get; init; } = 256;

    /// <summary>New connections a minute from one IPv4 address or IPv6 /64: each costs elliptic-curve operations.</summary>
    public int HellosPerMinute { get; init; } = 240;

    /// <summary>Instances of one identity.</summary>
    public int MaxInstances { get; init; } = 16;

    /// <summary>Connects a minute from one peer to one other: a script that tries again every two seconds gets through, a flood of calls does not.</summary>
    public int ConnectsPerMinute { get; init; } = 30;

    /// <summary>Connects a minute from one peer to all others together.</summary>
    public int ConnectsPerMinuteInAll { get; init; } = 240;

    /// <summary>Connects a minute to one peer, from all others together: identities cost nothing.</summary>
    public int CallsPerMinute { get; init; } = 120;

    /// <summary>Control messages a client may send at once; as many more come back in <see cref="MessagePeriod"/>.</summary>
    public int MessageBurst { get; init; } = 200;

    /// <summary>The time in which a client may send <see cref="MessageBurst"/> more control messages.</summary>
    public TimeSpan MessagePeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Sessions of one connection, those that wait to be re-opened included.</summary>
    public int MaxSessions { get; init; } = 64;

    /// <summary>Restarts a minute of one session.</summary>
    public int RestartsPerMinute { get; init; } = 30;

    /// <summary>Pairs of networks between which it is remembered what works; 0 for none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int MaxNetworkPairs
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "There are no fewer pairs than none.");
    } = 16_384;

    /// <summary>Outcomes of punches a minute that are heard from one IPv4 address or IPv6 /64: what comes beyond it is not remembered, counted or written to the log.</summary>
    public int OutcomesPerMinute { get; init; } = 120;

    /// <summary>Control messages that may wait for one client.</summary>
    public int MaxQueuedMessages { get; init; } = 512;

    /// <summary>Rooms in all.</summary>
    public int MaxRooms { get; init; } = 10_000;

    /// <summary>Connections in one room.</summary>
    public int MaxRoomMembers { get; init; } = 256;

    /// <summary>Peers in one answer to a peers request.</summary>
    public int MaxListedPeers { get; init; } = 1_000;

    /// <summary>Names of one key.</summary>
    public int NamesPerPeer { get; init; } = 8;

    /// <summary>Names in all.</summary>
    public int MaxNames { get; init; } = 1_000_000;

    /// <summary>New names an hour from one IPv4 address or IPv6 /64: keys cost nothing.</summary>
    public int NewNamesPerHour { get; init; } = 60;

    /// <summary>Wrong tokens a minute from one IPv4 address or IPv6 /64; after that the right one is refused as well, for a while.</summary>
    public int WrongTokensPerMinute { get; init; } = 5;
}
