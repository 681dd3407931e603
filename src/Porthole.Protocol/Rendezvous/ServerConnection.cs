using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Rendezvous;

/// <summary>One main connection at the server. Kept small: a server has many that do nothing.</summary>
internal sealed class ServerConnection(SocketId socket, TransportAddress remote, Instant acceptedAt)
{
    private const int RttSamples = 4;

    private long _rtt0 = long.MaxValue, _rtt1 = long.MaxValue, _rtt2 = long.MaxValue, _rtt3 = long.MaxValue;
    private int _rttNext;

    public SocketId Socket { get; } = socket;

    public TransportAddress Remote { get; } = remote;

    public ServerConnectionState State { get; set; } = ServerConnectionState.AwaitingHello;

    // Hello
    public NoiseHandshake? Handshake { get; set; }

    public NoiseChannel? Channel { get; set; }

    public PublicKey? Key { get; set; }

    public PeerId Peer { get; set; }

    public InstanceId Instance { get; set; }

    /// <summary>The next instance of the same identity; a list in the directory.</summary>
    public ServerConnection? Sibling { get; set; }

    // Registration
    public bool IsRegistered { get; set; }

    public string? Name { get; set; }

    public AcceptPolicy Policy { get; set; }

    /// <summary>Sorted.</summary>
    public PeerId[] Allowed { get; set; } = [];

    /// <summary>Sorted.</summary>
    public PeerId[] Known { get; set; } = [];

    /// <summary>What the next registration brings.</summary>
    public PeerId[]? PendingKnown { get; set; }

    public PresenceMode Presence { get; set; }

    /// <summary>Whether others were told that this peer is here.</summary>
    public bool IsAnnounced { get; set; }

    public Room? Room { get; set; }

    public CandidateInfo[] Candidates { get; set; } = [];

    public ProvedHost[] Proved { get; set; } = [];

    public NatFacts Nat { get; set; } = NatFacts.Unknown;

    public Instant LastActive { get; set; } = acceptedAt;

    // Sessions
    public Dictionary<SessionId, ServerSession>? Sessions { get; set; }

    public RelayCounter? Relayed { get; set; }

    /// <summary>Where it waits for a stranger.</summary>
    public List<MeetingPlace>? WaitsAt { get; set; }

    // Writing
    public Queue<Outgoing>? Queue { get; set; }

    public bool IsReady { get; set; }

    public bool IsCongested { get; set; }

    /// <summary>It did not read what it was sent, and is closed at the next deadline.</summary>
    public bool IsDoomed { get; set; }

    /// <summary>How many control messages were queued so far: the number of the last one.</summary>
    public long MessagesQueued { get; set; }

    // Keeping alive
    public Instant StampedAt { get; set; }

    public long PingStamp { get; set; }

    public bool AwaitsPong { get; set; }

    public int Missed { get; set; }

    public Instant CredentialDue { get; set; }

    /// <summary>The moment at which the bucket of messages would be full again.</summary>
    public Instant MessagesFullAt { get; set; }

    /// <summary>The least of the last round trips: what waited in a queue says nothing about the distance.</summary>
    public TimeSpan Rtt => Math.Min(Math.Min(_rtt0, _rtt1), Math.Min(_rtt2, _rtt3)) is var least && least == long.MaxValue ? TimeSpan.Zero : new TimeSpan(least);

    /// <summary>Whether as many round trips are known as are kept.</summary>
    public bool HasRtts => _rttNext >= RttSamples;

    public void AddRtt(TimeSpan sample)
    {
        switch (_rttNext++ % RttSamples)
        {
            case 0: _rtt0 = sample.Ticks; break;
            case 1: _rtt1 = sample.Ticks; break;
            case 2: _rtt2 = sample.Ticks; break;
            default: _rtt3 = sample.Ticks; break;
        }
    }

    public bool Allows(PeerId peer) => Array.BinarySearch(Allowed, peer) >= 0;

    public bool KnowsPeer(PeerId peer) => Array.BinarySearch(Known, peer) >= 0;

    public bool HasProved(TransportAddress address, Instant now)
    {
        foreach (var host in Proved)
        {
            if (host.Until > now && host.Host.SameHost(address)) return true;
        }

        return false;
    }

    public PeerInfo ToInfo() => new(Peer, Name);
}

/// <summary>How far a connection has come.</summary>
internal enum ServerConnectionState
{
    /// <summary>The first handshake message has not come.</summary>
    AwaitingHello,

    /// <summary>The third handshake message of XX has not come.</summary>
    AwaitingProof,

    /// <summary>There are keys, but the client has not said who it is and whether it may.</summary>
    AwaitingToken,

    /// <summary>The client was let in.</summary>
    Open,

    /// <summary>A last message is being written, then the socket is closed.</summary>
    Closing,

    /// <summary>Gone.</summary>
    Closed,
}

/// <summary>An IP address that a peer has proved to receive at.</summary>
internal readonly record struct ProvedHost(TransportAddress Host, Instant Until);

/// <summary>A message that waits to be written: plain bytes of the hello, or a control message that is sealed when it is written.</summary>
internal readonly record struct Outgoing(byte[]? Plain, ServerMessage? Control);
