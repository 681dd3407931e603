namespace Porthole.Runtime;

/// <summary>
/// Datagrams on their way to a machine's thread: any thread adds, the machine's takes all that are there with one command. Its memory is taken with the first datagram and is bounded: what does not fit is lost, as it would be on the
/// network.
/// </summary>
internal sealed class DatagramOutbox
{
    /// <summary>A burst of four of the longest UDP datagrams in pieces, or the 50 ms for which a busy host may keep the machine's thread waiting, at 5,000 a second.</summary>
    public const int Capacity = 256;

    private readonly Lock _gate = new();
    private readonly int[] _lengths = new int[Capacity];
    private byte[]? _bytes;
    private int _first;
    private int _count;
    private bool _isPosted;

    /// <summary>Adds a datagram of at most <see cref="PeerConnection.MaxDatagram"/> bytes.</summary>
    /// <returns>Whether the machine has to be told: it does not know yet that there is something to take.</returns>
    public bool Add(ReadOnlySpan<byte> datagram)
    {
        lock (_gate)
        {
            if (_count == Capacity) return false;
            _bytes ??= GC.AllocateUninitializedArray<byte>(Capacity * PeerConnection.MaxDatagram);
            int slot = (_first + _count++) % Capacity;
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
            _first = (_first + 1) % Capacity;
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
}
