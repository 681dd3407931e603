namespace Porthole.Protocol.Stun;

/// <summary>Answers that wait to be written, in a ring of fixed size: what comes on top is dropped, as the network would.</summary>
/// <param name="longest">The longest answer, in bytes.</param>
internal sealed class StunAnswerQueue(int longest)
{
    /// <summary>How many answers may wait: some batches of a driver.</summary>
    public const int Capacity = 256;

    private readonly byte[] _answers = new byte[Capacity * longest];
    private readonly Pending[] _pending = new Pending[Capacity];
    private int _first;
    private int _count;

    /// <summary>Whether no answer more may wait.</summary>
    public bool IsFull => _count == Capacity;

    /// <summary>Room for the next answer, which counts once <see cref="Add"/> is called.</summary>
    public Span<byte> Next => AnswerAt((_first + _count) % Capacity);

    /// <summary>Adds the answer that was written to <see cref="Next"/>.</summary>
    public void Add(SocketId socket, TransportAddress remote, int length) =>
        _pending[(_first + _count++) % Capacity] = new Pending(socket, remote, length);

    /// <summary>Drops what waits for a socket that is closed.</summary>
    public void Drop(SocketId socket)
    {
        for (int i = 0; i < _count; i++)
        {
            ref var pending = ref _pending[(_first + i) % Capacity];
            if (pending.Socket == socket) pending = default;
        }
    }

    /// <summary>Writes the next answer.</summary>
    /// <returns>False when none waits.</returns>
    public bool TryWrite(ref DatagramBatchWriter writer)
    {
        for (; _count > 0; _count--, _first = (_first + 1) % Capacity)
        {
            var pending = _pending[_first];
            if (pending.Length == 0) continue; // dropped
            writer.Begin(pending.Socket, pending.Remote);
            if (!writer.TryReserve(pending.Length, out var segment)) return false;
            AnswerAt(_first)[..pending.Length].CopyTo(segment);
            writer.Commit(pending.Length);
            _pending[_first] = default;
            return true;
        }

        return false;
    }

    private Span<byte> AnswerAt(int slot) => _answers.AsSpan(slot * longest, longest);

    private readonly record struct Pending(SocketId Socket, TransportAddress Remote, int Length);
}
