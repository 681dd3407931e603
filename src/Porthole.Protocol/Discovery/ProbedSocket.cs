using System.Collections.Immutable;

namespace Porthole.Protocol.Discovery;

/// <summary>One socket under probe: its questions of this round, and what the last round found.</summary>
/// <param name="id">The socket.</param>
/// <param name="local">The address it is bound to.</param>
/// <param name="isSample">Whether it is only a sample of port allocation: asked once, not kept open, not registered.</param>
internal sealed class ProbedSocket(SocketId id, TransportAddress local, bool isSample)
{
    private List<NatQuestion> _questions = [];
    private int _rounds;

    public SocketId Id { get; } = id;

    public TransportAddress Local { get; } = local;

    public bool IsSample { get; } = isSample;

    /// <summary>The questions of the round that runs, or ran last.</summary>
    public IReadOnlyList<NatQuestion> Questions => _questions;

    /// <summary>Whether the sample was closed: what it found stands.</summary>
    public bool IsClosed { get; set; }

    /// <summary>What the report says of this socket: the answers of the last round that brought some.</summary>
    public ImmutableArray<NatObservation> Found { get; private set; } = [];

    /// <summary>Whether some questions of the round are open.</summary>
    public bool IsRoundOpen { get; private set; }

    /// <summary>Whether the last whole round brought no answer.</summary>
    public bool IsSilent { get; private set; }

    /// <summary>Whether the round that runs is the one of the first, short schedule.</summary>
    public bool IsFirstSchedule { get; private set; }

    /// <summary>Whether any answer came, a refusal too: UDP passes.</summary>
    public bool WasHeard { get; private set; }

    /// <summary>When the first answer of this round came.</summary>
    public Instant? FirstAnswerAt { get; private set; }

    /// <summary>When the mapping must be refreshed, or a silent round repeated.</summary>
    public Instant? RefreshAt { get; set; }

    /// <summary>The newest proof, and the address it proves.</summary>
    public ReadOnlyMemory<byte> Proof { get; private set; }

    public TimeSpan? RoundTripTime { get; private set; }

    /// <summary>The question whose mapping is registered and kept: the first in the servers' order that was answered.</summary>
    public NatQuestion? Kept { get; private set; }

    /// <summary>The kept mapping: it was not there yet at the first time, was seen first at the second, and last at the third.</summary>
    public (TransportAddress Mapped, Instant BornAfter, Instant FirstSeenAt, Instant SeenAt) Life { get; set; }

    /// <summary>Whether the owner was told that the mapping grows old.</summary>
    public bool IsToldOld { get; set; }

    /// <summary>Whether all that can be found out was: answers came, or the long schedule brought none.</summary>
    public bool IsDecided { get; private set; }

    public void StartRound(List<NatQuestion> questions, bool isFirstSchedule)
    {
        _questions = questions;
        _rounds++;
        (IsRoundOpen, IsFirstSchedule, FirstAnswerAt, RefreshAt) = (questions.Count > 0, isFirstSchedule, null, null);
        if (isFirstSchedule) IsDecided = false;
        if (questions.Count == 0) (Found, Kept, Proof, IsSilent, WasHeard, IsDecided) = ([], null, default, false, false, true);
    }

    /// <summary>Asks one question more, right behind the first.</summary>
    public void AskSecond(NatQuestion question) => _questions.Insert(1, question);

    /// <summary>Asks one question more.</summary>
    public void Ask(NatQuestion question) => _questions.Add(question);

    /// <summary>The trial of a kind; null when there was none in this round.</summary>
    public NatQuestion? Find(NatQuestionKind kind) => _questions.Find(question => question.Kind == kind);

    /// <summary>Takes the servers' new answer to a question that is open.</summary>
    /// <returns>False when the mapping is another than before: the NAT, or the way to it, has changed.</returns>
    public bool HandleAnswer(Instant now, NatQuestion question, TransportAddress mapped, ReadOnlySpan<byte> proof)
    {
        bool isUnchanged = !question.IsAnswered || question.Mapped == mapped;
        question.HandleMapped(mapped);
        FirstAnswerAt ??= now;
        (WasHeard, IsSilent) = (true, false);
        if (question.Transaction.RoundTripTime is { } time) RoundTripTime = time;
        if (Kept is null || !_questions.Contains(Kept) || _questions.IndexOf(question) <= _questions.IndexOf(Kept))
        {
            Kept = question;
            Proof = proof.ToArray();
        }

        return isUnchanged;
    }

    private IEnumerable<NatQuestion> Mappings => _questions.Where(static question => question.Kind == NatQuestionKind.Mapped);

    public void HandleRefusal(NatQuestion question) => (question.IsRefused, question.IsDue, WasHeard) = (true, false, true);

    /// <summary>Takes over what this round has brought so far.</summary>
    public void TakeFindings()
    {
        if (!IsRoundOpen || FirstAnswerAt is not null)
        {
            Found = [.. Mappings.Where(static question => question.IsAnswered).Select(question => question.Observe(Local, _rounds == 1))];
        }
    }

    /// <summary>Ends the round when its last question has ended.</summary>
    /// <returns>False when it goes on, or had ended before.</returns>
    public bool TryEndRound()
    {
        if (!IsRoundOpen || !Mappings.All(static question => question.HasEnded)) return false;
        IsRoundOpen = false;
        if (FirstAnswerAt is null) ForgetMapping();
        IsDecided = !IsSilent || IsSample || !IsFirstSchedule;
        return true;
    }

    /// <summary>The mapping is gone: nobody answers any more.</summary>
    public void ForgetMapping()
    {
        WasHeard = _questions.Exists(static question => question.IsRefused);
        (Found, Kept, Proof, RoundTripTime, IsSilent) = ([], null, default, null, !WasHeard);
    }

    public LocalMapping? ToMapping() => Kept is null || Found.IsEmpty ? null : new LocalMapping(
        Id, Local, Kept.Mapped, Kept.Server, Proof, NatClassifier.JudgeMapping(Found), RoundTripTime);
}
