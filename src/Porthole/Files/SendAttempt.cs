using Porthole.Protocol;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole.Files;

/// <summary>One stream of a sender, from the offer to the receiver's last word.</summary>
/// <param name="tree">What is sent.</param>
/// <param name="id">Which transfer it is.</param>
/// <param name="totals">What all attempts have sent.</param>
/// <param name="options">How.</param>
/// <param name="other">What messages call the receiver.</param>
/// <param name="path">The path that is used now.</param>
internal sealed partial class SendAttempt(SourceTree tree, TransferId id, SendTotals totals, FileSendOptions options, string other, Func<PathKind> path)
{
    /// <summary>How long a receiver may take for its first word at least: the stream may have to come up first, over a slow relay.</summary>
    private static readonly TimeSpan s_greeting = TimeSpan.FromSeconds(10);

    private readonly Manifest _manifest = tree.Manifest;
    private readonly SendingState _state = new(tree.Manifest);
    private readonly Lock _gate = new();
    private readonly Wakeup _acknowledged = new();
    private readonly FileHashes _hashes = new(tree.Manifest.Count);
    private TransferStream _wire = null!;
    private long _kept;

    /// <summary>Whether an earlier attempt of the same sender broke off.</summary>
    public bool IsContinued { get; set; }

    /// <summary>The sizes of all files.</summary>
    public long TotalBytes => _manifest.TotalBytes;

    /// <summary>How much was left out from the start.</summary>
    public int SkippedEntries => tree.Skipped;

    /// <summary>Whether the receiver has taken the offer.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether the receiver has verified anything that was sent.</summary>
    public bool HasAdvanced
    {
        get
        {
            lock (_gate) return _state.Acknowledged > 0;
        }
    }

    /// <summary>What failed.</summary>
    public FailureCount Failures { get; } = new();

    /// <summary>How many files, and of how many bytes, are at the receiver.</summary>
    public (int Files, long Bytes) Delivered { get; private set; }

    /// <summary>Sends.</summary>
    /// <param name="stream">A stream whose preamble was written.</param>
    /// <param name="completeWrites">Ends this side's direction of the stream.</param>
    /// <param name="cancellationToken">Gives up; what was verified stays at the receiver.</param>
    /// <exception cref="FileException">The receiver refuses, or something went wrong with files on either side.</exception>
    /// <exception cref="PeerException">The stream broke, or the other side does not speak this.</exception>
    public async Task RunAsync(Stream stream, Action completeWrites, CancellationToken cancellationToken)
    {
        try
        {
            await GreetAsync(stream, cancellationToken).ConfigureAwait(false);
            _wire = new TransferStream(stream, FileFrameType.SenderAlive, options.StallTimeout, other, options.TimeProvider, cancellationToken);
            await using (_wire.ConfigureAwait(false))
            {
                await OfferAsync().ConfigureAwait(false);
                await ReadAnswerAsync().ConfigureAwait(false);
                await CompareAsync().ConfigureAwait(false);
                await BeginAsync().ConfigureAwait(false);
                await SendAsync().ConfigureAwait(false);
            }

            completeWrites();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PeerException(PeerError.Lost, $"The transfer to {other} was interrupted.");
        }
    }

    /// <summary>Says what is spoken, and hears whether somebody answers who speaks it too.</summary>
    private async Task GreetAsync(Stream stream, CancellationToken cancellationToken)
    {
        var patience = options.StallTimeout > s_greeting ? options.StallTimeout : s_greeting;
        var wire = new TransferStream(stream, FileFrameType.SenderAlive, patience, other, options.TimeProvider, cancellationToken, speaks: false);
        await using (wire.ConfigureAwait(false))
        {
            try
            {
                await wire.WriteAsync(FileFrame.WriteOffer(id)).ConfigureAwait(false);
                byte[] welcome = new byte[FileFrame.HeaderSize + 1];
                int read = await wire.ReadExactlyAsync(welcome).ConfigureAwait(false);
                if (read > 0 && welcome[0] == (byte)StreamPreamble.Files.Length) throw NotReceiving("sends back what it is sent");
                if (read < welcome.Length || !welcome.AsSpan().SequenceEqual(FileFrame.WriteWelcome()) || !_state.HandleWelcome())
                {
                    if (read == welcome.Length && welcome[0] == (byte)FileFrameType.Welcome) throw NotReceiving($"speaks another version of file transfer than {FileLimits.Version}");
                    throw NotReceiving("does something else");
                }
            }
            catch (PeerException exception) when (exception.Error == PeerError.StreamAborted)
            {
                throw NotReceiving("takes no files");
            }
            catch (PeerException exception) when (exception.Error == PeerError.TimedOut)
            {
                throw new PeerException(PeerError.TimedOut, $"{other} does not answer an offer of files. Run 'porthole receive' there.");
            }
        }
    }

    private PeerException NotReceiving(string what) => new(PeerError.Refused, $"{other} {what}. Run 'porthole receive' there.");

    private async Task OfferAsync()
    {
        byte[] frame = new byte[FileFrame.HeaderSize + FileLimits.MaxBatch];
        for (int next = 0; next < _manifest.Count;)
        {
            next = _manifest.Encode(next, frame.AsSpan(FileFrame.HeaderSize), out int written);
            FileFrame.WriteHeader(frame, FileFrameType.Entries, written);
            await _wire.WriteAsync(frame.AsMemory(0, FileFrame.HeaderSize + written)).ConfigureAwait(false);
        }

        await _wire.WriteAsync(FileFrame.WriteEntriesEnd(_manifest.Count, _manifest.TotalBytes, _manifest.Digest())).ConfigureAwait(false);
        if (options.Observer is null) return;
        var roots = Enumerable.Range(0, _manifest.Roots).Select(root => _manifest[root].Name);
        Tell(new FileTransferEvent.Offered(new FileOffer(PeerId.Unknown, null, [.. roots], _manifest.Files, _manifest.Folders, _manifest.TotalBytes, 0, false)));
    }

    private async Task ReadAnswerAsync()
    {
        var (type, payload) = await ReadAsync().ConfigureAwait(false);
        if (type != FileFrameType.Answer || !FileFrame.TryReadAnswer(payload.Span, out long ever, out var roots) || !_state.HandleAnswer(ever, roots)) throw Violation(type);
        HasBegun = true;
    }

    /// <summary>Hashes what the receiver says it has, and keeps what is the same. The receiver hashes at the same time, so this costs one reading.</summary>
    private async Task CompareAsync()
    {
        using var source = new SourceFile();
        while (true)
        {
            var (type, payload) = await ReadAsync().ConfigureAwait(false);
            if (type == FileFrameType.HaveEnd && _state.HandleHaveEnd()) return;
            if (type == FileFrameType.FileRefused)
            {
                TakeRefused(payload);
                continue;
            }

            if (type != FileFrameType.Have || !FileFrame.TryReadHave(payload, out int index, out long length, out int firstChunk, out var hashes)
                || !_state.HandleHave(index, length, firstChunk, hashes.Length / FileLimits.HashSize))
            {
                throw Violation(type);
            }

            await Task.Run(() => Compare(source, index, length, hashes), _wire.Token).ConfigureAwait(false);
        }
    }

    private void Compare(SourceFile source, int index, long length, ReadOnlyMemory<byte> hashes)
    {
        if (!source.TryOpen(tree, index)) return;
        Span<byte> own = stackalloc byte[FileLimits.HashSize];
        for (int i = 0; i < hashes.Length; i += FileLimits.HashSize)
        {
            _wire.Token.ThrowIfCancellationRequested();
            if (_state.KeptOf(index) != source.Hash.Offset || !source.TryHashTo(source.Hash.NextEnd(length))) return; // something before was different
            source.Hash.Write(own);
            if (!own.SequenceEqual(hashes.Span.Slice(i, FileLimits.HashSize))) return;
            _state.Keep(index, source.Hash.Offset);
        }
    }

    private async Task BeginAsync()
    {
        long same = 0, kept = 0, sent = 0;
        bool[] isSame = new bool[_manifest.Roots];
        Array.Fill(isSame, true);
        for (int i = 0; i < _manifest.Count; i++)
        {
            if (_state.KeptOf(i) < _manifest.SizeOf(i)) isSame[_manifest.RootOf(i)] = false;
        }

        for (int root = 0; root < isSame.Length; root++)
        {
            if (_state.Roots[root] is RootState.Existing or RootState.Replaceable) await _wire.WriteAsync(FileFrame.WriteRootVerdict(root, isSame[root])).ConfigureAwait(false);
            else isSame[root] = false;
            bool replaced = !isSame[root] && _state.Roots[root] == RootState.Replaceable;
            if (isSame[root] || replaced || _state.Roots[root] == RootState.Wanted) continue;
            string name = _manifest[root].Name;
            Failures.Add(new FileException(FileError.Exists, $"{name} is there already at {other} and is not the same: it was not sent. Receive with --overwrite, or into another folder.") { Path = name, IsRemote = true });
        }

        _isSent = [.. isSame.Select((one, root) => !one && (_state.Roots[root] is RootState.Wanted or RootState.Replaceable))];
        _isSame = isSame;
        for (int i = 0; i < _manifest.Count; i++)
        {
            int root = _manifest.RootOf(i);
            if (isSame[root]) same += _manifest.SizeOf(i);
            if (!_isSent[root]) continue;
            if (_state.Roots[root] == RootState.Replaceable) _state.Drop(i);
            kept += _state.KeptOf(i);
            sent += _manifest.SizeOf(i) - _state.KeptOf(i);
        }

        _kept = same + kept;
        totals.SetBase(_state.EverReceived, kept, same);
        await _wire.WriteAsync(FileFrame.WriteBegin(_kept, sent)).ConfigureAwait(false);
        Tell(IsContinued ? new FileTransferEvent.Resumed(_kept) : new FileTransferEvent.Started(_kept, _manifest.TotalBytes));
    }

    /// <summary>Reads the next frame; what ends the transfer is thrown.</summary>
    private async ValueTask<(FileFrameType Type, ReadOnlyMemory<byte> Payload)> ReadAsync()
    {
        var (type, payload) = await _wire.ReadAsync().ConfigureAwait(false);
        if (type == FileFrameType.None) throw new PeerException(PeerError.Lost, $"{other} ended the stream in the middle of a transfer.");
        if (type != FileFrameType.ReceiverError) return (type, payload);
        if (!FileFrame.TryReadError(payload.Span, out var reason, out string text)) throw Violation(type);
        if (reason == FileError.Superseded) throw new PeerException(PeerError.Lost, $"{other} has a newer stream of this transfer.");
        if (reason == FileError.Refused) throw new PeerException(PeerError.Refused, $"{other} does not want the files.");
        throw new FileException(reason, $"{other} says: {text}") { IsRemote = true };
    }

    private void TakeRefused(ReadOnlyMemory<byte> payload)
    {
        lock (_gate)
        {
            if (!FileFrame.TryReadFileError(payload.Span, out int index, out var reason, out string text) || !_state.HandleRefused(index)) throw Violation(FileFrameType.FileRefused);
            Fail(index, new FileException(reason, $"{other} says: {text}") { Path = _manifest.PathOf(index), IsRemote = true });
        }
    }

    private void Fail(int index, FileException exception)
    {
        Failures.Add(exception);
        Tell(new FileTransferEvent.Skipped(_manifest.PathOf(index), exception.Reason, exception.Message));
    }

    private PeerException Violation(FileFrameType type) => new(PeerError.ProtocolViolation, $"{other} breaks the protocol of file transfer: {type} is wrong, or comes at the wrong time.");

    private void Tell(FileTransferEvent happened) => options.Observer?.Invoke(happened);
}
