using System.Collections.Immutable;
using System.Security.Cryptography;
using Porthole.Protocol;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Files;

/// <summary>One stream of a receiver, from the offer to the last file in its place.</summary>
/// <param name="folder">Where everything goes.</param>
/// <param name="options">What is taken, and how.</param>
/// <param name="sender">Who sends.</param>
/// <param name="senderName">What it goes by; null for nothing.</param>
/// <param name="path">The path that is used now.</param>
internal sealed partial class ReceiveAttempt(string folder, FileReceiveOptions options, PeerId sender, string? senderName, Func<PathKind> path)
{
    private readonly string _other = senderName ?? sender.Short;
    private readonly Manifest _manifest = new(options.MaxEntries, OperatingSystem.IsWindows());
    private TransferStream _wire = null!;
    private TargetTree _target = null!;
    private TransferJournal? _journal;
    private FileHashes _hashes = null!;
    private ReceivingState _state = null!;
    private RootState[] _roots = [];
    private byte[] _digest = [];
    private string _key = string.Empty;

    /// <summary>Which transfer it is.</summary>
    public TransferId Id { get; private set; }

    /// <summary>The hash of the manifest.</summary>
    public ReadOnlyMemory<byte> Digest => _digest;

    /// <summary>Whether something of every root is there, and stays as it is: then nothing is written.</summary>
    public bool IsAllThere => _roots.AsSpan().IndexOfAnyExcept(RootState.Existing) < 0;

    /// <summary>What failed.</summary>
    public FailureCount Failures { get; } = new();

    /// <summary>Receives.</summary>
    /// <param name="stream">A stream whose preamble was read.</param>
    /// <param name="enter">Called with the transfer's id: waits until no other stream of it is under way.</param>
    /// <param name="claim">Called with the number of entries so far: throws when they are too many.</param>
    /// <param name="accepted">Whether this offer was taken before; told, with true, that it is taken now.</param>
    /// <param name="cancellationToken">Gives up; what was verified stays.</param>
    public async Task<ImmutableArray<ReceivedRoot>> RunAsync(
        Stream stream, Func<TransferId, CancellationToken, Task> enter, Action<int> claim, Func<ReceiveAttempt, bool, bool> accepted, CancellationToken cancellationToken)
    {
        _wire = new TransferStream(stream, FileFrameType.ReceiverAlive, options.IdleTimeout, _other, options.TimeProvider, cancellationToken);
        await using (_wire.ConfigureAwait(false))
        {
            try
            {
                await _wire.WriteAsync(FileFrame.WriteWelcome()).ConfigureAwait(false);
                await ReadOfferAsync().ConfigureAwait(false);
                await enter(Id, _wire.Token).ConfigureAwait(false);
                await ReadManifestAsync(claim).ConfigureAwait(false);
                await Task.Run(Look, _wire.Token).ConfigureAwait(false);
                await AskAsync(accepted(this, false)).ConfigureAwait(false);
                accepted(this, true);
                await AnswerAsync().ConfigureAwait(false);
                await ReceiveAsync().ConfigureAwait(false);
                var roots = await Task.Run(Finish, CancellationToken.None).ConfigureAwait(false); // a tree is put in its place whole
                await TellLateAsync().ConfigureAwait(false);
                await _wire.WriteAsync(FileFrame.Write(FileFrameType.Finished)).ConfigureAwait(false);
                return roots;
            }
            catch (FileException exception)
            {
                // How full a disk is, is nothing for somebody whose offer nobody has taken.
                await TellErrorAsync(exception.Reason, exception.Reason == FileError.DiskFull && _journal is null ? "There is no room for that." : exception.Message).ConfigureAwait(false);
                throw;
            }
            catch (PeerException exception) when (exception.Error == PeerError.ProtocolViolation)
            {
                await TellErrorAsync(FileError.Failed, exception.Message).ConfigureAwait(false);
                throw;
            }
            catch (Exception exception) when (FileErrors.IsLocal(exception))
            {
                var failure = FileErrors.From(exception, "write", folder);
                await TellErrorAsync(failure.Reason, failure.Message).ConfigureAwait(false);
                throw failure;
            }
            finally
            {
                Close();
                CloseJournal();
            }
        }
    }

    private async Task ReadOfferAsync()
    {
        var (type, payload) = await ReadAsync().ConfigureAwait(false);
        if (type != FileFrameType.Offer || !FileFrame.TryReadOffer(payload.Span, out byte version, out var id)) throw Violation(type);
        if (version != FileLimits.Version) throw new PeerException(PeerError.ProtocolViolation, $"{_other} speaks version {version} of file transfer, this program {FileLimits.Version}. Update the older one.");
        Id = id;
        byte[] name = new byte[PeerId.Size + TransferId.Size];
        sender.WriteTo(name);
        id.WriteTo(name.AsSpan(PeerId.Size));
        _key = Convert.ToHexStringLower(SHA256.HashData(name).AsSpan(0, 6));
    }

    private async Task ReadManifestAsync(Action<int> claim)
    {
        while (true)
        {
            var (type, payload) = await ReadAsync().ConfigureAwait(false);
            if (type == FileFrameType.EntriesEnd)
            {
                _digest = _manifest.Digest();
                if (!FileFrame.TryReadEntriesEnd(payload.Span, out int count, out long total, out var digest)) throw Violation(type);
                if (count != _manifest.Count || total != _manifest.TotalBytes || !digest.SequenceEqual(_digest) || count == 0) throw Violation(type);
                break;
            }

            if (type != FileFrameType.Entries || payload.IsEmpty) throw Violation(type);
            var fault = _manifest.AddEncoded(payload.Span);
            if (fault is ManifestFault.None)
            {
                claim(_manifest.Count);
                continue;
            }

            throw new FileException(ManifestWords.ReasonOf(fault), $"The offer of {_other} is refused: {ManifestWords.Of(fault, _manifest.NameFault)} (entry {_manifest.Count + 1}).");
        }

        if (_manifest.TotalBytes > options.MaxTotalBytes)
        {
            throw new FileException(FileError.TooLarge, $"The offer of {_other} is refused: {_manifest.TotalBytes} bytes are more than the {options.MaxTotalBytes} that are taken.");
        }
    }

    /// <summary>Asks whether the offer is taken; from here on something may be written.</summary>
    private async Task AskAsync(bool isAccepted)
    {
        var roots = Enumerable.Range(0, _manifest.Roots).Select(root => _manifest[root].Name);
        var offer = new FileOffer(sender, senderName, [.. roots], _manifest.Files, _manifest.Folders, _manifest.TotalBytes, _bytesHere, _isContinued);
        Tell(new FileTransferEvent.Offered(offer));
        if (!isAccepted && options.Accept is { } accept && !await accept(offer, _wire.Token).WaitAsync(_wire.Token).ConfigureAwait(false))
        {
            throw new FileException(FileError.Refused, $"The files of {_other} were not taken.");
        }
    }

    /// <summary>Reads the next frame; what ends the transfer is thrown.</summary>
    private async ValueTask<(FileFrameType Type, ReadOnlyMemory<byte> Payload)> ReadAsync()
    {
        var (type, payload) = await _wire.ReadAsync().ConfigureAwait(false);
        if (type == FileFrameType.None) throw new PeerException(PeerError.Lost, $"{_other} ended the stream in the middle of a transfer.");
        return (type, payload);
    }

    /// <summary>Tells the sender why it ends, if the stream takes that.</summary>
    private async Task TellErrorAsync(FileError reason, string text)
    {
        try
        {
            await _wire.WriteAsync(FileFrame.WriteError(reason, WithoutPlace(text))).ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The stream's end says it too.
        }
    }

    /// <summary>Where things are here is nobody's business.</summary>
    private string WithoutPlace(string text)
    {
        string relative = text.Replace(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, string.Empty, StringComparison.Ordinal);
        return Path.GetDirectoryName(folder) is null ? relative : relative.Replace(folder, "the folder", StringComparison.Ordinal);
    }

    private PeerException Violation(FileFrameType type) =>
        new(PeerError.ProtocolViolation, $"{_other} breaks the protocol of file transfer: {type} is wrong, or comes at the wrong time. What came before is kept.");

    private void Tell(FileTransferEvent happened) => options.Observer?.Invoke(happened);
}
