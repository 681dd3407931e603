using System.Collections.Immutable;
using Porthole.Protocol;
using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>
/// Receives files and folders into one folder, and never writes outside of it. What comes is verified piece by piece and as a whole, and stands under its own name only when it is
/// complete; until then its name ends with <c>.porthole-part</c>. One receiver may take several transfers at once; a newer stream of a transfer replaces the older one. Make one for a folder and keep it: another
/// one for each stream knows nothing of the others, and a sender that dials again is turned away (<see cref="FileError.InUse"/>) while the older stream lingers.
/// </summary>
public sealed class FileReceiver
{
    /// <summary>How long a stream that was replaced may take to let go of its files.</summary>
    private static readonly TimeSpan s_letGo = TimeSpan.FromSeconds(30);

    /// <summary>Transfers of one sender at a time: more than anybody waits for, and each takes memory before it is even asked for.</summary>
    internal const int MaxTransfersOfSender = 16;

    /// <summary>Transfers of all senders at a time.</summary>
    internal const int MaxTransfers = 64;

    /// <summary>All transfers at a time have so many times <see cref="FileReceiveOptions.MaxEntries"/> at most, and those of one sender have it once: manifests stay in memory, and strangers may send them.</summary>
    private const int Shares = 4;

    /// <summary>Offers that were taken, and are not asked for again when only the connection broke.</summary>
    private const int MaxAccepted = 256;

    private readonly string _folder;
    private readonly FileReceiveOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<(PeerId Sender, TransferId Id), Running> _running = [];
    private readonly List<(string Offer, bool IsComplete)> _accepted = [];

    /// <summary>Creates a receiver; the folder is made when the first offer is taken.</summary>
    /// <param name="folder">Where everything goes.</param>
    /// <param name="options">What is taken, and how; null for the defaults.</param>
    public FileReceiver(string folder, FileReceiveOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        (_folder, _options) = (Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)), options ?? new FileReceiveOptions());
    }

    /// <summary>Receives what comes on one stream.</summary>
    /// <param name="connection">The connection that the stream belongs to.</param>
    /// <param name="stream">A stream whose preamble, <c>porthole-files/1</c>, was read. It is disposed of here.</param>
    /// <param name="cancellationToken">Gives up; what was verified stays for a later attempt.</param>
    /// <returns>What is complete and in its place.</returns>
    /// <exception cref="FileException">
    /// The offer was refused, something went wrong with files, here or at the sender, or (<see cref="FileError.Superseded"/>) a newer stream of the same transfer goes on.
    /// </exception>
    /// <exception cref="PeerException">The connection broke, or the peer breaks the protocol. What was verified stays.</exception>
    public Task<FileReceiveReport> ReceiveAsync(PeerConnection connection, PeerStream stream, CancellationToken cancellationToken = default) =>
        ReceiveAsync(connection, stream, _options.Observer, cancellationToken);

    /// <summary>Receives what comes on one stream, and tells of it apart from what comes on others.</summary>
    /// <param name="connection">The connection that the stream belongs to.</param>
    /// <param name="stream">A stream whose preamble, <c>porthole-files/1</c>, was read. It is disposed of here.</param>
    /// <param name="observer">Told what happens on this stream, in place of the receiver's own observer.</param>
    /// <param name="cancellationToken">Gives up; what was verified stays for a later attempt.</param>
    /// <inheritdoc cref="ReceiveAsync(PeerConnection, PeerStream, CancellationToken)"/>
    public async Task<FileReceiveReport> ReceiveAsync(PeerConnection connection, PeerStream stream, Action<FileTransferEvent>? observer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(stream);
        await using (stream.ConfigureAwait(false))
        {
            return await ReceiveAsync(stream, stream.CompleteWrites, connection.RemotePeerId, connection.RemoteName, () => connection.Path.Kind, cancellationToken, observer).ConfigureAwait(false);
        }
    }

    /// <summary>As above, on any stream.</summary>
    internal async Task<FileReceiveReport> ReceiveAsync(
        Stream stream, Action completeWrites, PeerId sender, string? senderName, Func<PathKind> path, CancellationToken cancellationToken, Action<FileTransferEvent>? observer = null)
    {
        long started = _options.TimeProvider.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new Running(stop);
        var attempt = new ReceiveAttempt(_folder, _options with { Observer = observer ?? _options.Observer }, sender, senderName, path);
        ImmutableArray<ReceivedRoot> roots;
        try
        {
            roots = await attempt.RunAsync(stream, (id, token) => EnterAsync((sender, id), running, token), entries => Claim(sender, running, entries), (asked, isTaken) => Remember(sender, asked, isTaken), stop.Token).ConfigureAwait(false);
        }
        catch (FileException)
        {
            completeWrites();
            await DrainAsync(stream, cancellationToken).ConfigureAwait(false);
            throw;
        }
        catch (OperationCanceledException) when (running.IsSuperseded && !cancellationToken.IsCancellationRequested)
        {
            throw new FileException(FileError.Superseded, $"A newer connection of {senderName ?? sender.Short} goes on with this transfer.");
        }
        finally
        {
            Leave((sender, attempt.Id), running);
        }

        if (attempt.Failures.IsNone) Complete(sender, attempt);
        completeWrites();
        await DrainAsync(stream, stop.Token).ConfigureAwait(false);
        attempt.Failures.ThrowIfAny("did not arrive");
        return new FileReceiveReport(roots, roots.Sum(static root => root.Bytes), _options.TimeProvider.GetElapsedTime(started));
    }

    /// <summary>Whether an offer was taken before by this receiver; tells that it is taken now.</summary>
    private bool Remember(PeerId sender, ReceiveAttempt attempt, bool isTaken)
    {
        string offer = NameOf(sender, attempt);
        lock (_gate)
        {
            if (_accepted.Contains((offer, false))) return true;
            if (!isTaken) return attempt.IsAllThere && _accepted.Contains((offer, true)); // the sender has missed the last word
            if (_accepted.Count == MaxAccepted) _accepted.RemoveAt(0);
            _accepted.Add((offer, false));
            return true;
        }
    }

    /// <summary>What was taken is complete: the next time it is a new offer.</summary>
    private void Complete(PeerId sender, ReceiveAttempt attempt)
    {
        string offer = NameOf(sender, attempt);
        lock (_gate)
        {
            _accepted.RemoveAll(one => one.Offer == offer);
            if (_accepted.Count == MaxAccepted) _accepted.RemoveAt(0);
            _accepted.Add((offer, true));
        }
    }

    private static string NameOf(PeerId sender, ReceiveAttempt attempt) => $"{sender}/{attempt.Id}/{Convert.ToHexString(attempt.Digest.Span)}";

    /// <summary>Counts the entries of a manifest that comes in.</summary>
    /// <exception cref="FileException">They are too many, with those of the other transfers.</exception>
    private void Claim(PeerId sender, Running running, int entries)
    {
        long own = 0, all = 0;
        lock (_gate)
        {
            running.Entries = entries;
            foreach (var (transfer, one) in _running)
            {
                all += one.Entries;
                if (transfer.Sender == sender) own += one.Entries;
            }
        }

        if (own <= _options.MaxEntries && all <= Shares * (long)_options.MaxEntries) return;
        throw new FileException(FileError.InUse, "Too many files are offered at once. Send again when the other transfers are done.");
    }

    /// <summary>Takes the place of an older stream of the same transfer, which lets go of its files first.</summary>
    private async Task EnterAsync((PeerId Sender, TransferId Id) transfer, Running running, CancellationToken cancellationToken)
    {
        while (true)
        {
            Running? older;
            lock (_gate)
            {
                if (!_running.TryGetValue(transfer, out older))
                {
                    if (_running.Count >= MaxTransfers || _running.Keys.Count(key => key.Sender == transfer.Sender) >= MaxTransfersOfSender)
                    {
                        throw new FileException(FileError.InUse, $"Too many transfers at once: {MaxTransfersOfSender} of one sender and {MaxTransfers} in all. Send again when the others are done.");
                    }

                    _running[transfer] = running;
                    return;
                }
            }

            older.Supersede();
            try
            {
                await older.Ended.Task.WaitAsync(s_letGo, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                throw new FileException(FileError.InUse, $"An older connection of this transfer does not let go of its files within {s_letGo.TotalSeconds:0} s: the disk may be busy. Try again.");
            }
        }
    }

    private void Leave((PeerId, TransferId) transfer, Running running)
    {
        lock (_gate)
        {
            if (_running.TryGetValue(transfer, out var current) && current == running) _running.Remove(transfer);
        }

        running.End();
    }

    /// <summary>Waits a moment for the sender to have read the last word: closing the connection before would take it away.</summary>
    private async Task DrainAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(5), _options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        byte[] rest = new byte[64];
        try
        {
            while (await stream.ReadAsync(rest, either.Token).ConfigureAwait(false) > 0)
            {
                // Words of a sender that waits: nothing to do.
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // Everything is in its place, whatever became of the connection.
        }
    }

    private sealed class Running(CancellationTokenSource stop)
    {
        private readonly Lock _gate = new();
        private bool _hasEnded;

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsSuperseded { get; private set; }

        public int Entries { get; set; }

        public void End()
        {
            lock (_gate) _hasEnded = true;
            Ended.TrySetResult();
        }

        public void Supersede()
        {
            lock (_gate)
            {
                if (_hasEnded) return;
                IsSuperseded = true;
                stop.Cancel();
            }
        }
    }
}
