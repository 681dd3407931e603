using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>What a question over TCP is for.</summary>
internal enum TcpQuestionPurpose
{
    /// <summary>One of those that leave together and show how the NAT maps.</summary>
    Round,

    /// <summary>From a port that was never used: shows how ports are allocated, and is not registered.</summary>
    FreshPort,

    /// <summary>What the newest mapping is, right now.</summary>
    Sample,

    /// <summary>Brings a fresh proof of the mapping, or keeps it alive.</summary>
    Refresh,
}

/// <summary>One question over one TCP connection: asked once, when the connection is open (RFC 8489 section 6.2.2).</summary>
/// <param name="purpose">What it is for.</param>
/// <param name="socket">The connection.</param>
/// <param name="local">The address it goes out from; port 0 until it is open, if the system chooses.</param>
/// <param name="server">Who is asked.</param>
/// <param name="id">The id of the request.</param>
/// <param name="order">Its place among all questions: the SYNs left in this order.</param>
/// <param name="askedAt">When the connection was asked for.</param>
/// <param name="patience">How long it may take.</param>
internal sealed class TcpQuestion(
    TcpQuestionPurpose purpose, SocketId socket, TransportAddress local, TransportAddress server, TransactionId id, int order, Instant askedAt, TimeSpan patience)
{
    /// <summary>When a kernel repeats a SYN (RFC 6298 section 2): a connection that took so long may have come to the NAT after later ones.</summary>
    private static readonly TimeSpan s_synTimeout = TimeSpan.FromSeconds(1);

    private Instant _writtenAt;
    private bool _isOrdered;

    public TcpQuestionPurpose Purpose { get; } = purpose;

    public SocketId Socket { get; } = socket;

    public TransportAddress Local { get; private set; } = local;

    public TransportAddress Server { get; } = server;

    public TransactionId Id { get; } = id;

    public Instant GiveUpAt { get; } = askedAt + patience;

    /// <summary>Whether the connection is open.</summary>
    public bool IsConnected { get; private set; }

    /// <summary>Whether the request waits to be written.</summary>
    public bool IsDue { get; private set; }

    /// <summary>Whether it was answered, refused, or given up.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>What the server saw; default unless it said so.</summary>
    public TransportAddress Mapped { get; private set; }

    /// <summary>From the request to the answer; null without an answer.</summary>
    public TimeSpan? RoundTripTime { get; private set; }

    public bool IsAnswered => Mapped != default;

    public void HandleOpened(Instant now, TransportAddress local)
    {
        (IsConnected, IsDue) = (true, true);
        _isOrdered = now - askedAt < s_synTimeout;
        if (Purpose == TcpQuestionPurpose.FreshPort) Local = local;
    }

    /// <summary>The connection was open before: its mapping is older than this question.</summary>
    public void AskAgain() => (IsConnected, IsDue) = (true, true);

    public void HandleWritten(Instant now) => (IsDue, _writtenAt) = (false, now);

    public void HandleMapped(Instant now, TransportAddress mapped)
    {
        (Mapped, RoundTripTime) = (mapped, now - _writtenAt);
        End();
    }

    public void End() => (HasEnded, IsDue) = (true, false);

    public NatObservation Observe() => new(order, _isOrdered, Local, Server, Mapped);
}
