namespace Porthole.Protocol.Session;

/// <summary>
/// Which packet numbers were seen, so that each is taken once (RFC 4303 section 3.4.3): a bitmap of the newest numbers; what is older than the
/// bitmap counts as seen. A ring of words as in RFC 6479, so that moving on clears words and never shifts bits.
/// </summary>
public sealed class ReplayWindow
{
    /// <summary>
    /// How many numbers behind the newest are still told apart. One session uses a relay and a direct path at once, and what the relay still carries may be
    /// thousands of packets behind: 16 320 packets are 130 ms at 125 000 packets a second (1.2 Gbit/s).
    /// </summary>
    public const int Size = Bits - WordBits; // one word of the ring is the one being filled

    private const int Bits = 1 << 14;
    private const int WordBits = 64;
    private const int Words = Bits / WordBits;

    private readonly ulong[] _words = new ulong[Words];
    private ulong _newest;
    private bool _isEmpty = true;

    /// <summary>Whether a number was not seen yet and is not too old to tell. Asked before a packet is opened.</summary>
    public bool IsNew(ulong number)
    {
        if (_isEmpty || number > _newest) return true;
        return _newest - number < Size && (_words[Word(number)] & Bit(number)) == 0;
    }

    /// <summary>Marks a number as seen. Only after the packet proved authentic, or a stranger could move the window.</summary>
    /// <returns>False, and nothing changes, when the number was not new.</returns>
    public bool TryAdd(ulong number)
    {
        if (!IsNew(number)) return false;
        if (_isEmpty || number > _newest)
        {
            Clear(_isEmpty ? 0 : (_newest / WordBits) + 1, number / WordBits);
            _newest = number;
            _isEmpty = false;
        }

        _words[Word(number)] |= Bit(number);
        return true;
    }

    private static int Word(ulong number) => (int)(number / WordBits % Words);

    private static ulong Bit(ulong number) => 1UL << (int)(number % WordBits);

    /// <summary>Clears the words that the window moves into.</summary>
    private void Clear(ulong first, ulong last)
    {
        if (last >= Words && first < last - Words + 1) first = last - Words + 1;
        for (ulong word = first; word <= last; word++) _words[word % Words] = 0;
    }
}
