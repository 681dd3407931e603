namespace Porthole.Files;

/// <summary>What one sender has sent over all its attempts, to tell what was sent more than once.</summary>
internal sealed class SendTotals
{
    private long _sent;
    private long _before;
    private long _neverSent;
    private bool _isBased;

    /// <summary>Counts bytes of chunks that go out.</summary>
    public void AddSent(long bytes) => Interlocked.Add(ref _sent, bytes);

    /// <summary>Takes the receiver's first answer as the base: what it had before this process sent anything.</summary>
    /// <param name="everReceived">The bytes of chunks that ever came to it.</param>
    /// <param name="kept">What it has of files that are under way.</param>
    /// <param name="same">What it has of roots that are complete.</param>
    public void SetBase(long everReceived, long kept, long same)
    {
        if (_isBased) return;
        _isBased = true;
        _before = Math.Max(everReceived, kept);
        _neverSent = _before == 0 ? same : 0;
    }

    /// <summary>What was sent more than once.</summary>
    /// <param name="total">The sizes of all files.</param>
    public long Resent(long total) => Math.Max(0, _before + Interlocked.Read(ref _sent) - (total - _neverSent));
}
