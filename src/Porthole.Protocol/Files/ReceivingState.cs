namespace Porthole.Protocol.Files;

/// <summary>
/// What a receiver knows of one stream behind the manifest: which frames of the sender may come, and what is to be acknowledged. Every call answers whether the frame was allowed;
/// a sender that sends another one is not to be talked to.
/// </summary>
public sealed class ReceivingState(Manifest manifest, RootState[] roots)
{
    private readonly bool?[] _same = new bool?[roots.Length];
    private readonly Dictionary<int, long> _here = [];
    private int _nextRoot;
    private int _next;
    private bool _hasBegun;
    private bool _isDone;

    /// <summary>The file that is being sent; -1 between two.</summary>
    public int File { get; private set; } = -1;

    /// <summary>How far it has come.</summary>
    public long Offset { get; private set; }

    /// <summary>The bytes of chunks that came on this stream and were verified and written.</summary>
    public long Received { get; private set; }

    /// <summary>What was acknowledged of them.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Whether the sender has begun to send.</summary>
    public bool HasBegun => _hasBegun;

    /// <summary>Whether everything was sent.</summary>
    public bool IsDone => _isDone;

    /// <summary>Whether enough came for an acknowledgement.</summary>
    public bool IsAckDue => Received - Acknowledged >= FileLimits.AckInterval;

    /// <summary>So much of a file is here and was offered for comparison.</summary>
    public void Offer(int index, long length) => _here[index] = length;

    /// <summary>How much of a file was here.</summary>
    public long HereOf(int index) => _here.GetValueOrDefault(index);

    /// <summary>Whether the files of a root are sent.</summary>
    public bool IsSent(int root) => roots[root] switch
    {
        RootState.Wanted => true,
        RootState.Replaceable => _same[root] == false,
        _ => false,
    };

    /// <summary>Whether a root that was there already is the one that was offered.</summary>
    public bool IsSame(int root) => _same[root] == true;

    /// <summary>The sender has compared a root that was there: in the order of the roots, each of them once.</summary>
    public bool HandleRootVerdict(int root, bool same)
    {
        if (_hasBegun || root >= roots.Length || root < _nextRoot || roots[root] is not (RootState.Existing or RootState.Replaceable)) return false;
        _same[root] = same;
        _nextRoot = root + 1;
        return true;
    }

    /// <summary>The sender begins.</summary>
    public bool HandleBegin(long kept, long toSend)
    {
        if (_hasBegun || kept > manifest.TotalBytes || toSend > manifest.TotalBytes - kept) return false;
        for (int i = 0; i < roots.Length; i++)
        {
            if (roots[i] is RootState.Existing or RootState.Replaceable && _same[i] is null) return false;
        }

        _hasBegun = true;
        _next = NextFile(0);
        return true;
    }

    /// <summary>A file begins: the next of those that are sent, at its beginning or at the end of a chunk that is here.</summary>
    public bool HandleFileStart(int index, long offset)
    {
        if (!_hasBegun || _isDone || File >= 0 || index != _next) return false;
        long here = HereOf(index);
        if (offset > here || (offset != here && offset % FileLimits.ChunkSize != 0)) return false;
        if (roots[manifest.RootOf(index)] != RootState.Wanted && offset != 0) return false;
        (File, Offset) = (index, offset);
        return true;
    }

    /// <summary>A chunk came: as long as can be, and no longer than the file.</summary>
    public bool HandleChunk(int length)
    {
        if (File < 0) return false;
        long rest = manifest.SizeOf(File) - Offset;
        return length == Math.Min(rest, FileLimits.ChunkSize - Offset % FileLimits.ChunkSize) && length > 0;
    }

    /// <summary>The chunk was verified and written, or was for a file that cannot be written.</summary>
    public void HandleWritten(int length)
    {
        Offset += length;
        Received += length;
    }

    /// <summary>A file ends: when all of it has come.</summary>
    public bool HandleFileEnd()
    {
        if (File < 0 || Offset != manifest.SizeOf(File)) return false;
        _next = NextFile(File + 1);
        File = -1;
        return true;
    }

    /// <summary>The sender cannot send a file: the one under way, or the next.</summary>
    public bool HandleFileFailed(int index)
    {
        if (!_hasBegun || _isDone || index >= manifest.Count || index != (File >= 0 ? File : _next)) return false;
        _next = NextFile(index + 1);
        File = -1;
        return true;
    }

    /// <summary>Everything was sent.</summary>
    public bool HandleDone()
    {
        if (!_hasBegun || _isDone || File >= 0 || _next < manifest.Count) return false;
        return _isDone = true;
    }

    /// <summary>What is to be acknowledged now.</summary>
    public long TakeAck() => Acknowledged = Received;

    private int NextFile(int index)
    {
        while (index < manifest.Count && (manifest.IsFolder(index) || !IsSent(manifest.RootOf(index)))) index++;
        return index;
    }
}
