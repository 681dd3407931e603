using System.Collections.Immutable;
using Porthole.Protocol.Peer;

namespace Porthole.Identity;

/// <summary>
/// A text file with one trusted key a line, shared by processes: read whole, changed under a lock file, replaced whole. What was read is kept in memory, where any
/// thread may look without waiting.
/// </summary>
/// <typeparam name="TEntry">One line.</typeparam>
/// <param name="path">The file; null keeps everything in memory.</param>
/// <param name="heading">What stands above the lines, for people; each line of it begins with <c>#</c>.</param>
/// <param name="parse">Reads a line; null if it is damaged.</param>
/// <param name="format">Writes a line.</param>
internal sealed class TrustFile<TEntry>(string? path, string heading, Func<string, TEntry?> parse, Func<TEntry, string> format)
    where TEntry : class
{
    /// <summary>Others hold the lock for as long as it takes to write a small file; but a disk may be slow, and they may be many.</summary>
    private static readonly TimeSpan s_lockTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_lockPause = TimeSpan.FromMilliseconds(5);

    private readonly Lock _gate = new(); // around what is kept in memory, and nothing that waits
    private readonly Lock _using = new(); // around the file
    private ImmutableArray<TEntry> _entries = [];
    private (DateTime, long) _stamp;

    /// <summary>All entries, in the order of the file.</summary>
    public ImmutableArray<TEntry> Entries
    {
        get
        {
            lock (_gate) return _entries;
        }
    }

    /// <summary>Reads the file again if it has changed.</summary>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be read or is damaged.</exception>
    public void Refresh()
    {
        lock (_using) Guarded(Read);
    }

    /// <summary>Changes the file: reads it, applies the change to what is there now, and replaces it.</summary>
    /// <param name="change">Gives the new entries; the same array for no change. May throw.</param>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be read or written, or is damaged.</exception>
    public void Update(Func<ImmutableArray<TEntry>, ImmutableArray<TEntry>> change)
    {
        lock (_using)
        {
            if (path is null)
            {
                Keep(change(_entries));
                return;
            }

            Guarded(() =>
            {
                PortholeDirectory.CreateFor(path);
                using var held = Lock();
                Read();
                var changed = change(_entries);
                if (changed == _entries) return;
                OwnerFile.Write(path, heading + string.Concat(changed.Select(entry => format(entry) + "\n")), replace: true);
                Keep(changed);
                _stamp = Stamp();
            });
        }
    }

    private void Read()
    {
        if (path is null || Stamp() is var stamp && stamp == _stamp) return;
        var entries = ImmutableArray.CreateBuilder<TEntry>();
        int number = 0;
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            entries.Add(parse(line) ?? throw Bad($"line {number} is damaged; correct or delete that line"));
        }

        Keep(entries.ToImmutable());
        _stamp = stamp;
    }

    private void Keep(ImmutableArray<TEntry> entries)
    {
        lock (_gate) _entries = entries;
    }

    private (DateTime, long) Stamp() => new FileInfo(path!) is { Exists: true } info ? (info.LastWriteTimeUtc, info.Length) : default;

    /// <summary>Only one process at a time changes the file. The lock is a file of its own, because the file itself is replaced.</summary>
    private FileStream Lock()
    {
        var until = DateTime.UtcNow + s_lockTimeout;
        while (true)
        {
            try
            {
                return new FileStream($"{path}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (DateTime.UtcNow < until)
            {
                Thread.Sleep(s_lockPause);
            }
        }
    }

    private void Guarded(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (exception is IOException and not PeerException or UnauthorizedAccessException)
        {
            throw Bad(exception.Message.TrimEnd('.'), exception);
        }
    }

    private PeerException Bad(string why, Exception? inner = null) => new(PeerError.BadFile, $"The file {path} cannot be used: {why}.", inner);
}
