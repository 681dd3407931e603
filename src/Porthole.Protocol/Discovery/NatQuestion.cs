using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>One question of one socket to one server: "what do you see?". It may be asked again and again, to keep the mapping.</summary>
/// <param name="server">Who is asked.</param>
/// <param name="transaction">How it is asked the first time.</param>
/// <param name="order">Its place among all questions.</param>
internal sealed class NatQuestion(TransportAddress server, StunTransaction transaction, int order)
{
    public TransportAddress Server { get; } = server;

    public StunTransaction Transaction { get; private set; } = transaction;

    /// <summary>What the server saw last; default before its first answer.</summary>
    public TransportAddress Mapped { get; private set; }

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

    public NatObservation Observe(TransportAddress local) => new(order, IsOrdered, local, Server, Mapped);
}
