using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>An answer that is still to be written: a success, or the refusal of an authenticated request.</summary>
internal readonly record struct PendingAnswer(
    SocketId Socket, TransportAddress Remote, TransactionId Id, StunErrorCode Error, StunAttributeType Unknown);

/// <summary>Answers in the order of their requests. What does not fit is dropped: the asker asks again, and a flood is not answered.</summary>
internal sealed class AnswerQueue
{
    /// <summary>The most answers that wait: a driver drains after every batch, so that more than one batch never waits.</summary>
    public const int Limit = DatagramBatchWriter.MaxSegments;

    private readonly Queue<PendingAnswer> _answers = new(Limit);

    public void Add(in PendingAnswer answer)
    {
        if (_answers.Count < Limit) _answers.Enqueue(answer);
    }

    public bool TryTake(out PendingAnswer answer) => _answers.TryDequeue(out answer);

    public void Clear() => _answers.Clear();
}
