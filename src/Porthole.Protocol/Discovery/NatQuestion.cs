using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>One question of one socket to one server: "what do you see?". It may be asked again and again, to keep the mapping.</summary>
/// <param name="kind">What it is to find out.</param>
/// <param name="server">Who is asked.</param>
/// <param name="transaction">How it is asked the first time.</param>
/// <param name="order">Its place among all questions.</param>
internal sealed class NatQuestion(NatQuestionKind kind, TransportAddress server, StunTransaction transaction, int order)
{
    public NatQuestionKind Kind { get; } = kind;

    public TransportAddress Server { get; } = server;

    public StunTransaction Transaction { get; private set; } = transaction;

    /// <summary>What the server saw last; default before its first answer.</summary>
    public TransportAddress Mapped { get; private set; }

    /// <summary>The other address that the server told of with its answer (RFC 5780 section 7.4); default if it told of none.</summary>
    public TransportAddress Other { get; set; }

    /// <summary>Whether what its end means was taken into account; for trials.</summary>
    public bool IsJudged { get; set; }

    /// <summary>Whether a request waits to be written.</summary>
    public bool IsDue { get; set; }

    /// <summary>Whether the server refused, so that no answer will come.</summary>
    public bool IsRefused { get; set; }

    public bool IsAnswered => Mapped != default;

    public bool HasEnded => IsRefused || Transaction.State != StunTransactionState.Active;

    public Instant? NextDeadline => HasEnded ? null : Transaction.NextDeadline;

    private bool IsOrdered { get; set; }

    /// <summary>Asks again, under a new id.</summary>
    public void Repeat(StunTransaction transaction) => (Transaction, IsDue, IsRefused) = (transaction, false, false);

    public void HandleMapped(TransportAddress mapped)
    {
        if (!IsAnswered) IsOrdered = Transaction.Attempts == 1;
        Mapped = mapped;
    }

    public NatObservation Observe(TransportAddress local, bool isFresh) => new(order, IsOrdered, local, Server, Mapped, isFresh);
}

/// <summary>What a question is to find out. All but the first are trials: whether an answer comes is what they tell.</summary>
internal enum NatQuestionKind
{
    /// <summary>The mapped address.</summary>
    Mapped,

    /// <summary>Whether an answer from another port of the server is let in (RFC 5780 section 4.4, test III).</summary>
    OtherPort,

    /// <summary>Whether an answer from another host of the server is let in (test II).</summary>
    OtherHost,

    /// <summary>Whether the port from which that answer came, uninvited, sees the mapping that the others see.</summary>
    Stranger,

    /// <summary>Whether a packet to the own mapped address comes back (RFC 5780 section 4.5).</summary>
    Hairpin,

    /// <summary>Whether large datagrams pass, there and back.</summary>
    Large,
}
