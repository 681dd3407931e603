namespace Porthole.Protocol.Files;

/// <summary>
/// What a sender knows of one stream: which frames of the receiver may come, what of each file is kept, and how far it may be ahead. Every call answers whether the frame was
/// allowed; a receiver that sends another one is not to be talked to.
/// </summary>
public sealed class SendingState(Manifest manifest)
{
    private readonly Dictionary<int, long> _kept = [];
    private readonly HashSet<int> _refused = [];
    private Phase _phase;
    private long _length;
    private int _file = -1;
    private int _nextChunk;

    private enum Phase
    {
        Greeting,
        Answering,
        Comparing,
        Sending,
        Finished,
    }

    /// <summary>The bytes of chunks that ever came to the receiver, as it said in its answer.</summary>
    public long EverReceived { get; private set; }

    /// <summary>How each root stands.</summary>
    public RootState[] Roots { get; private set; } = [];

    /// <summary>The bytes of chunks that were sent on this stream.</summary>
    public long Sent { get; private set; }

    /// <summary>The bytes of chunks that the receiver has verified and written.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Whether everything is verified and in its place.</summary>
    public bool IsFinished => _phase == Phase.Finished;

    /// <summary>The receiver speaks.</summary>
    public bool HandleWelcome() => Advance(Phase.Greeting, Phase.Answering);

    /// <summary>The receiver takes the offer.</summary>
    public bool HandleAnswer(long everReceived, RootState[] roots)
    {
        ArgumentNullException.ThrowIfNull(roots);
        if (roots.Length != manifest.Roots || !Advance(Phase.Answering, Phase.Comparing)) return false;
        (EverReceived, Roots) = (everReceived, roots);
        return true;
    }

    /// <summary>The receiver says what it has of a file: files in order, of each the hashes in order.</summary>
    /// <param name="index">The file.</param>
    /// <param name="length">How much of it is there.</param>
    /// <param name="firstChunk">The chunk at whose end the first hash is.</param>
    /// <param name="hashes">How many hashes came.</param>
    public bool HandleHave(int index, long length, int firstChunk, int hashes)
    {
        if (_phase != Phase.Comparing || index >= manifest.Count || manifest.IsFolder(index) || index < _file) return false;
        if (length < 1 || length > manifest.SizeOf(index) || Roots[manifest.RootOf(index)] == RootState.Blocked) return false;
        if (index > _file) (_file, _length, _nextChunk) = (index, length, 0);
        if (length != _length || firstChunk != _nextChunk || hashes < 1 || hashes > Chunks(length) - _nextChunk) return false;
        _nextChunk += hashes;
        return true;
    }

    /// <summary>The hash of the file at the end of a chunk is the one that the receiver has: so much of the file is kept.</summary>
    public void Keep(int index, long offset) => _kept[index] = offset;

    /// <summary>What of a file is kept at the receiver.</summary>
    public long KeptOf(int index) => _kept.GetValueOrDefault(index);

    /// <summary>Nothing of a file is kept after all.</summary>
    public void Drop(int index) => _kept.Remove(index);

    /// <summary>The receiver has said what it has.</summary>
    public bool HandleHaveEnd() => Advance(Phase.Comparing, Phase.Sending);

    /// <summary>How many more bytes may be sent before the next acknowledgement.</summary>
    public long Room => FileLimits.Window - (Sent - Acknowledged);

    /// <summary>A chunk was sent.</summary>
    public void HandleSent(int bytes) => Sent += bytes;

    /// <summary>The receiver acknowledges what came: never less than before, never more than was sent.</summary>
    public bool HandleAck(long bytes)
    {
        if (_phase != Phase.Sending || bytes < Acknowledged || bytes > Sent) return false;
        Acknowledged = bytes;
        return true;
    }

    /// <summary>The receiver cannot write a file or folder, which it says once.</summary>
    public bool HandleRefused(int index) => _phase is Phase.Comparing or Phase.Sending && index < manifest.Count && _refused.Add(index);

    /// <summary>Everything is verified and in its place.</summary>
    /// <param name="isDone">Whether everything was sent.</param>
    public bool HandleFinished(bool isDone) => isDone && Acknowledged == Sent && Advance(Phase.Sending, Phase.Finished);

    /// <summary>How many hashes there are of so much of a file.</summary>
    public static long Chunks(long length) => (length + FileLimits.ChunkSize - 1) / FileLimits.ChunkSize;

    private bool Advance(Phase from, Phase to)
    {
        if (_phase != from) return false;
        _phase = to;
        return true;
    }
}
