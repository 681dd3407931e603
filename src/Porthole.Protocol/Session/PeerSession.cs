using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Session;

/// <summary>
/// One encrypted conversation with a peer, over whatever paths there are: handshake, streams, datagrams, recovery, moves, orderly end. A machine: bytes and a moment go
/// in, datagrams, events and the next deadline come out. The owner decides which paths exist and which is used; the session proves, measures and uses them.
/// </summary>
/// <remarks>
/// After every call that takes a moment: drain <see cref="TryWrite"/> and <see cref="TryTakeEvent"/>, then read <see cref="NextDeadline"/>. One thread at a time; only
/// <see cref="SessionStream"/> may be used from another.
/// </remarks>
public sealed partial class PeerSession
{
    private readonly SessionOptions _options;
    private readonly EntropySource _entropy;
    private readonly SessionHandshake _handshake;
    private readonly Queue<SessionEvent> _events = new();
    private readonly List<SessionPath> _paths = [];
    private readonly ReceivedPackets _received = new();
    private readonly StreamTable _streams;
    private readonly Recovery _recovery;
    private readonly DatagramQueue _datagrams;
    private PacketProtection? _protection;
    private SessionPath? _active;
    private SessionPath? _backup;
    private int _nextPathId = 1;
    private int _moves;

    private PeerSession(Instant now, SessionOptions options, EntropySource entropy, SessionHandshake handshake)
    {
        (_options, _entropy, _handshake) = (options, entropy, handshake);
        _streams = new StreamTable(options, handshake.IsInitiator, _events);
        _recovery = new Recovery(_received, _streams);
        _datagrams = new DatagramQueue(options.MaxQueuedDatagrams);
        _lastActivity = LastDataAt = now;
        KeepAlive = options.KeepAlive;
        _handshakeDeadline = now + options.HandshakeTimeout;
        AfterHandshakeMessage(now);
    }

    /// <summary>Begins as the initiator: message 1 exists already, and travels in the rendezvous too.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="options">What the owner chooses.</param>
    /// <param name="entropy">For challenges and skipped packet numbers.</param>
    /// <param name="handshake">The handshake; belongs to the session from here on.</param>
    public static PeerSession Initiate(Instant now, SessionOptions options, EntropySource entropy, SessionHandshake handshake)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(entropy);
        ArgumentNullException.ThrowIfNull(handshake);
        if (!handshake.IsInitiator) throw new ArgumentException("This handshake is the responder's.", nameof(handshake));
        return new PeerSession(now, options, entropy, handshake);
    }

    /// <summary>Begins as the responder, after a valid message 1. Nothing is announced before <see cref="SessionEvent.Confirmed"/>.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="options">What the owner chooses.</param>
    /// <param name="entropy">For challenges and skipped packet numbers.</param>
    /// <param name="handshake">The handshake, which holds message 2; belongs to the session from here on.</param>
    public static PeerSession Respond(Instant now, SessionOptions options, EntropySource entropy, SessionHandshake handshake)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(entropy);
        ArgumentNullException.ThrowIfNull(handshake);
        if (handshake.IsInitiator) throw new ArgumentException("This handshake is the initiator's.", nameof(handshake));
        return new PeerSession(now, options, entropy, handshake);
    }

    /// <summary>The session's number: the connection id of its packets.</summary>
    public SessionId Id => _handshake.Session;

    /// <summary>How far the session has come.</summary>
    public SessionState State { get; private set; }

    /// <summary>Whether this end began.</summary>
    public bool IsInitiator => _handshake.IsInitiator;

    /// <summary>The peer's static key; null until an authentic message showed it. Proved from <see cref="SessionEvent.Confirmed"/> on.</summary>
    public PublicKey? RemoteKey => _handshake.RemoteKey;

    /// <summary>32 bytes that are the same at both ends only if nobody stands between them; empty before there are keys.</summary>
    public ReadOnlyMemory<byte> HandshakeHash => _handshake.HandshakeHash;

    /// <summary>The path that data is meant to go on; null when there is none.</summary>
    public PathId? ActivePath => _active?.Id;

    /// <summary>How many streams are open, both ends' together.</summary>
    public int StreamCount => _streams.Count;

    /// <summary>How many packets lie between the oldest whose fate is open and the newest: bounded, whatever the peer does.</summary>
    internal long SentRecords => _recovery.Sent.Next - _recovery.Sent.First;

    /// <summary>How often the sending key changed.</summary>
    internal ulong KeyUpdates => _protection?.SendKeyNumber ?? 0;

    /// <summary>How many ranges of received packets are remembered.</summary>
    internal int ReceivedRanges => _received.Ranges.Count;

    /// <summary>The probe time-out of a path, without back-off.</summary>
    internal TimeSpan ProbeTimeout(PathId path) => Find(path)!.RoundTrip.ProbeTimeout;

    /// <summary>What the session has sent and received in all.</summary>
    public SessionStatistics Statistics => new(
        _packetsSent, _packetsReceived, _recovery.PacketsLost, _packetsRefused, _bytesSent, _bytesReceived, _streams.BytesSent, _streams.BytesResent, _moves);

    /// <summary>What is known of each path, in the order they were added. Allocates.</summary>
    public IReadOnlyList<PathStatus> Paths => [.. _paths.Where(path => !path.IsRemoved).Select(Describe)];

    /// <summary>Takes the next event; drain to false after every input.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out SessionEvent? sessionEvent) => _events.TryDequeue(out sessionEvent);

    /// <summary>Opens a stream. The initiator may do so at any time; bytes travel as soon as there are keys.</summary>
    /// <returns>False when the session is over, or the peer allows no more streams for now (<see cref="SessionEvent.StreamsAvailable"/> follows).</returns>
    public bool TryOpenStream(Instant now, [NotNullWhen(true)] out SessionStream? stream)
    {
        stream = null;
        return State <= SessionState.Confirmed && _streams.TryOpen(out stream);
    }

    /// <summary>Takes note that the application wrote, read, completed or aborted: what <see cref="SessionStream.TryClaimActivity"/> asked for.</summary>
    public void HandleStreamActivity(Instant now, SessionStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _streams.HandleActivity(now, stream);
    }

    /// <summary>Queues a datagram (RFC 9221): delivered once or not at all, in any order.</summary>
    /// <returns>False when the session is over, the datagram is longer than <see cref="SessionLimits.MaxDatagram"/>, or the queue is full.</returns>
    public bool TrySendDatagram(Instant now, ReadOnlySpan<byte> datagram) =>
        State <= SessionState.Confirmed && datagram.Length <= SessionLimits.MaxDatagram && _datagrams.TryAdd(datagram);

    private PathStatus Describe(SessionPath path) => new()
    {
        Id = path.Id,
        Socket = path.Socket,
        Remote = path.Remote,
        Traits = path.Traits,
        IsValidated = path.IsValidated,
        IsActive = path == _active,
        IsSuspect = path.Health != PathHealth.Good,
        SmoothedRoundTrip = path.RoundTrip.HasSample ? path.RoundTrip.Smoothed : null,
        LatestRoundTrip = path.RoundTrip.HasSample ? path.RoundTrip.Latest : null,
        CongestionWindow = path.Congestion.Window,
        BytesInFlight = path.BytesInFlight,
        MaxPacket = path.MaxPacket,
        BytesSent = path.BytesSent,
        BytesReceived = path.BytesReceived,
        PacketsLost = path.PacketsLost,
    };
}
