namespace Porthole.Protocol.Session;

/// <summary>Whether packets still come on a path that owes an answer.</summary>
internal enum PathHealth : byte
{
    Good,
    Suspect,
    Dead,
}

/// <summary>
/// One path of a session: round trip, congestion window, packet size and loss order belong to it, packet numbers and acknowledgements to the session.
/// </summary>
internal sealed class SessionPath
{
    /// <summary>RFC 9000 section 8.1: an address that is not validated gets at most three times what came from it.</summary>
    public const int AmplificationFactor = 3;

    /// <summary>What may be sent on a pair before anything sealed came on it: the check that made it valid came from there, and handshake messages are small.</summary>
    public const int HandshakeAllowance = PathTraits.FullDatagram;

    /// <summary>Challenges of the peer that wait for an answer; older ones are forgotten, for the peer sends new ones.</summary>
    private const int MaxResponses = 4;

    private readonly (ulong Token, int Size)[] _responses = new (ulong, int)[MaxResponses];
    private int _responseCount;

    public SessionPath(PathId id, SocketId socket, TransportAddress remote, PathTraits traits, byte[] prefix, bool trusted)
    {
        (Id, Socket, Remote, Traits, Prefix, IsValidated) = (id, socket, remote, traits, prefix, trusted);
        MaxPacket = traits.Reliable ? traits.MaxDatagram : Math.Min(traits.MaxDatagram, PathTraits.FullDatagram);
        Congestion = new Cubic(MaxPacket);
    }

    public PathId Id { get; }

    public SocketId Socket { get; }

    public TransportAddress Remote { get; }

    public PathTraits Traits { get; }

    /// <summary>What goes before every packet (the head of a relay frame).</summary>
    public byte[] Prefix { get; }

    public RttEstimator RoundTrip { get; } = new();

    public Cubic Congestion { get; }

    public Pacer Pacer { get; } = new();

    /// <summary>The largest packet for this path, without the prefix.</summary>
    public int MaxPacket { get; set; }

    /// <summary>Whether data may be sent: a challenge was answered, or the owner trusts the path.</summary>
    public bool IsValidated { get; set; }

    /// <summary>Whether the owner gave the path up: it only waits for what was sent on it.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Whether the socket takes nothing more for now.</summary>
    public bool IsCongested { get; set; }

    public PathHealth Health { get; set; }

    /// <summary>Since when an answer has been owed with nothing coming; null while none is owed.</summary>
    public Instant? SilentSince { get; set; }

    /// <summary>When the rest of what was sent on this path counts as lost, for data goes another way now.</summary>
    public Instant? DrainAt { get; set; }

    // Recovery (RFC 9002).

    public long BytesInFlight { get; set; }

    public int PacketsInFlight { get; set; }

    public long NextSequence { get; set; }

    public long LargestAcknowledgedSequence { get; set; } = -1;

    public long LargestAcknowledged { get; set; } = -1;

    public Instant? LossTime { get; set; }

    public Instant LastElicitingSentAt { get; set; }

    public int ProbeCount { get; set; }

    /// <summary>Packets that must go now, whatever the window: answers to a probe time-out.</summary>
    public int ProbesDue { get; set; }

    public bool PingDue { get; set; }

    // Sums of one ACK frame.

    public int NewlyAcknowledgedBytes { get; set; }

    public Instant NewestAcknowledgedSentAt { get; set; }

    // Acknowledging.

    public bool AckDue { get; set; }

    public Instant? AckAt { get; set; }

    public int UnacknowledgedCount { get; set; }

    // Counting.

    public long BytesSent { get; set; }

    public long BytesReceived { get; set; }

    public long PacketsLost { get; set; }

    /// <summary>Bytes that may be sent beyond three times what was received, before validation.</summary>
    public long Allowance { get; set; } = HandshakeAllowance;

    public bool CloseDue { get; set; }

    public bool HandshakeDue { get; set; }

    /// <summary>When the last handshake message went out here, if only once: the answer then gives the first sample of the round trip.</summary>
    public Instant? HandshakeSentAt { get; set; }

    public int HandshakeCount { get; set; }

    public PathValidation? Validation { get; set; }

    public bool HasResponses => _responseCount > 0;

    /// <summary>The time-out of the next probe (RFC 9002 section 6.2.1), doubled for each that went unanswered.</summary>
    public TimeSpan BackedOffProbeTimeout
    {
        get
        {
            var timeout = RoundTrip.ProbeTimeout * (1 << Math.Min(ProbeCount, 6));
            return timeout > Recovery.MaxProbeTimeout && RoundTrip.ProbeTimeout < Recovery.MaxProbeTimeout ? Recovery.MaxProbeTimeout : timeout;
        }
    }

    /// <summary>How large a packet may be now, as far as amplification goes (RFC 9000 section 8.1).</summary>
    public int Budget => IsValidated ? MaxPacket : (int)Math.Clamp(AmplificationFactor * BytesReceived + Allowance - BytesSent, 0, MaxPacket);

    /// <summary>Whether a packet of this size may be sent as far as amplification goes.</summary>
    public bool MaySend(int size) => IsValidated || size <= Budget;

    /// <summary>Remembers a challenge to answer, in a packet as large as the one it came in.</summary>
    public void AddResponse(ulong token, int size)
    {
        if (_responseCount == MaxResponses) Array.Copy(_responses, 1, _responses, 0, --_responseCount);
        _responses[_responseCount++] = (token, size);
    }

    /// <summary>Takes the oldest challenge to answer.</summary>
    public bool TryTakeResponse(out ulong token, out int size)
    {
        (token, size) = _responses[0];
        if (_responseCount == 0) return false;
        Array.Copy(_responses, 1, _responses, 0, --_responseCount);
        return true;
    }
}
