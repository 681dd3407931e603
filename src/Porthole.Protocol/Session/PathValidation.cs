namespace Porthole.Protocol.Session;

/// <summary>
/// The proof that a pair is a path (RFC 9000 section 8.2): a sealed challenge, padded to full size, and its answer of the same size. First the full
/// size alone, a few times; then smaller sizes beside it, so that a path on which full packets die still comes to use.
/// </summary>
internal sealed class PathValidation
{
    /// <summary>How often full packets are tried alone.</summary>
    private const int FullAttempts = 3;

    /// <summary>Full and smaller sizes together: ten packets in all at most, some 12 kB.</summary>
    private const int Attempts = 5;

    /// <summary>Between the full and the smallest size: what tunnels with a few dozen bytes of overhead leave.</summary>
    private const int MiddleSize = 1_150;

    private const int MaxTokens = 16;

    /// <summary>The first pause. The round trip of the pair is not known here; an answer that comes later still counts.</summary>
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(200);

    private readonly int[] _sizes;
    private readonly (ulong Token, int Size, Instant SentAt)[] _sent = new (ulong, int, Instant)[MaxTokens];
    private int _sentCount;
    private int _attempt;
    private int _nextSize;
    private int _sizesNow = 1;

    public PathValidation(Instant now, in PathTraits traits)
    {
        NextAt = now;
        int full = traits.MaxDatagram;
        _sizes = traits.Reliable
            ? [Math.Min(full, PathTraits.FullDatagram)] // a stream of bytes has no largest packet
            : [.. new[] { Math.Min(full, PathTraits.FullDatagram), MiddleSize, PathTraits.SmallestDatagram }.Where(size => size <= full).Distinct()];
    }

    /// <summary>When the next challenge, or the verdict, is due.</summary>
    public Instant NextAt { get; private set; }

    /// <summary>Whether all attempts were made and the last pause is over.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Whether a challenge is to be sent now.</summary>
    public bool IsChallengeDue => HasStarted && _nextSize < _sizesNow && !HasFailed;

    /// <summary>Whether the first challenge was asked for; it waits for the keys.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>Takes the passing of time.</summary>
    public void HandleDeadline(Instant now)
    {
        if (HasFailed || now < NextAt) return;
        if (HasStarted && ++_attempt == Attempts)
        {
            HasFailed = true;
            NextAt = Instant.Never;
            return;
        }

        HasStarted = true;
        _nextSize = 0;
        _sizesNow = _attempt < FullAttempts ? 1 : _sizes.Length;
        NextAt = now + s_firstPause * (1 << Math.Max(0, _attempt - 1)); // 200, 200, 400, 800, 1600 ms
    }

    /// <summary>Takes the next challenge to send.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="token">Eight bytes that nobody can guess.</param>
    /// <returns>How large the packet must be.</returns>
    public int TakeChallenge(Instant now, ulong token)
    {
        int size = _sizes[_nextSize++];
        if (_sentCount == MaxTokens) Array.Copy(_sent, 1, _sent, 0, --_sentCount);
        _sent[_sentCount++] = (token, size, now);
        return size;
    }

    /// <summary>Whether an answer is to one of these challenges.</summary>
    public bool TryMatch(Instant now, ulong token, out int size, out TimeSpan roundTrip)
    {
        for (int i = 0; i < _sentCount; i++)
        {
            if (_sent[i].Token != token) continue;
            (size, roundTrip) = (_sent[i].Size, now - _sent[i].SentAt);
            return true;
        }

        (size, roundTrip) = (0, default);
        return false;
    }
}
