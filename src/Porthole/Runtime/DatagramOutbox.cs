namespace Porthole.Runtime;

/// <summary>
/// Datagrams on their way to a machine's thread: any thread adds, the machine's takes all that are there with one command. Its memory is taken with the first datagram and is bounded: what does not fit is lost, as it would be on the
/// network.
/// </summary>
internal sealed class DatagramOutbox
{
    /// <summary>The 100 ms for which a busy host may keep the machine's thread waiting, at 10,000 a second.</summary>
    public const int MaxCount = 1_024;

    /// <summary>Room to begin with: most programs send a few now and then, and may have many connections.</summary>
    private const int FirstCount = 16;

    private readonly Lock _gate = new();
    private int[] _lengths = [];
    private byte[] _bytes = [];
    private int _first;
    private int _count;
    private bool _isPosted;

    /// <summary>Adds a datagram of at most <see cref="PeerConnection.MaxDatagram"/> bytes.</summary>
    /// <returns>Whether the machine has to be told: it does not know yet that there is something to take.</returns>
    public bool Add(ReadOnlySpan<byte> datagram)
    {
        lock (_gate)
        {
            if (_count == _lengths.Length && !TryGrow()) return false;
            int slot = (_first + _count++) % _lengths.Length;
            datagram.CopyTo(_bytes.AsSpan(slot * PeerConnection.MaxDatagram, PeerConnection.MaxDatagram));
            _lengths[slot] = datagram.Length;
            if (_isPosted) return false;
            _isPosted = true;
            return true;
        }
    }

    /// <summary>Machine: the first datagram, until <see cref="Take"/> or <see cref="Clear"/>. Without one the machine has to be told of the next.</summary>
    public bool TryPeek(out ReadOnlySpan<byte> datagram)
    {
        lock (_gate)
        {
            datagram = default;
            if (_count == 0)
            {
                _isPosted = false;
                return false;
            }

            datagram = _bytes.AsSpan(_first * PeerConnection.MaxDatagram, _lengths[_first]);
            return true;
        }
    }

    /// <summary>Machine: the first datagram is done with.</summary>
    public void Take()
    {
        lock (_gate)
        {
            _first = (_first + 1) % _lengths.Length;
            _count--;
        }
    }

    /// <summary>Machine: gives up all that wait.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _count = 0;
            _isPosted = false;
        }
    }

    /// <summary>Twice the room, with the first datagram at the beginning. What the machine looks at stays as it is, in the room of before.</summary>
    private bool TryGrow()
    {
        if (_count == MaxCount) return false;
        int room = Math.Max(FirstCount, 2 * _count);
        int[] lengths = new int[room];
        byte[] bytes = GC.AllocateUninitializedArray<byte>(room * PeerConnection.MaxDatagram);
        for (int i = 0; i < _count; i++)
        {
            int from = (_first + i) % _count;
            lengths[i] = _lengths[from];
            _bytes.AsSpan(from * PeerConnection.MaxDatagram, _lengths[from]).CopyTo(bytes.AsSpan(i * PeerConnection.MaxDatagram));
        }

        (_lengths, _bytes, _first) = (lengths, bytes, 0);
        return true;
    }
}
