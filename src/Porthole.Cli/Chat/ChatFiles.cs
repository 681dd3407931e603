using Porthole.Cli.Transfer;
using Porthole.Files;

namespace Porthole.Cli.Chat;

/// <summary>The files that are sent and received in a chat, over the connections of the chat.</summary>
internal sealed class ChatFiles(ChatSettings settings, IChatView view)
{
    /// <summary>Transfers of one peer at a time; a person can answer for no more, and each keeps files open.</summary>
    public const int MaxIncoming = 8;

    /// <summary>As often as an eye, or a script, can follow.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    /// <summary>How long an offer waits for an answer: somebody may be at lunch, and nobody waits for ever.</summary>
    private static readonly TimeSpan s_askPatience = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly List<Waiting> _waiting = [];
    private readonly List<TransferTrack> _tracks = [];
    private readonly List<Task> _running = [];

    /// <summary>Who waits for an answer to an offer.</summary>
    public string[] Offerers
    {
        get
        {
            lock (_gate) return [.. _waiting.Select(static one => one.Peer).Distinct()];
        }
    }

    /// <summary>What is under way.</summary>
    public TransferTrack[] Tracks
    {
        get
        {
            lock (_gate) return [.. _tracks];
        }
    }

    /// <summary>Completes when nothing is under way.</summary>
    public Task CompleteAsync()
    {
        lock (_gate) return Task.WhenAll(_running);
    }

    /// <summary>Sends a file or folder to some peers, each by itself.</summary>
    /// <returns>The exit code: that of the first who did not get it.</returns>
    public async Task<int> SendAsync(string path, IReadOnlyList<ChatLink> links, CancellationToken cancellationToken)
    {
        var sending = links.Select(link => Track(SendAsync(path, link, cancellationToken))).ToArray();
        int[] codes = await Task.WhenAll(sending).ConfigureAwait(false);
        return codes.FirstOrDefault(static code => code != ExitCode.Success);
    }

    /// <summary>Receives what comes on a stream.</summary>
    public Task ReceiveAsync(ChatLink link, PeerStream stream, CancellationToken cancellationToken) => Track(ReceiveOneAsync(link, stream, cancellationToken));

    /// <summary>Answers an offer.</summary>
    /// <param name="peer">Whose; empty for the only one who offers something.</param>
    /// <param name="accept">Whether to take it.</param>
    /// <returns>False when there is none.</returns>
    public bool Answer(string peer, bool accept)
    {
        lock (_gate)
        {
            var offer = peer.Length > 0 || Offerers.Length == 1 ? _waiting.Find(one => peer.Length == 0 || string.Equals(one.Peer, peer, StringComparison.OrdinalIgnoreCase)) : null;
            return offer is not null && _waiting.Remove(offer) && offer.Answer.TrySetResult(accept);
        }
    }

    private async Task<int> SendAsync(string path, ChatLink link, CancellationToken cancellationToken)
    {
        string name = Words.Safe(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))));
        var track = new TransferTrack(link.Label) { Name = name, Kind = link.Connection.Path.Kind };
        link.BeginTransfer();
        var sender = new FileSender([path], new FileSendOptions { Observer = happened => Observe(track, happened, isIncoming: false) });
        try
        {
            var report = await sender.SendAsync(link.Connection, cancellationToken).ConfigureAwait(false);
            Tell(track, new FileNews.Sent(report));
            return ExitCode.Success;
        }
        catch (FileException exception)
        {
            Tell(track, new FileNews.Failed(exception.Reason.ToString(), exception.Message, IsIncoming: false));
            return ExitCode.Of(exception);
        }
        catch (PeerException exception)
        {
            Tell(track, new FileNews.Failed(exception.Error.ToString(), exception.Message, IsIncoming: false));
            return ExitCode.Of(exception.Error);
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
        finally
        {
            link.EndTransfer();
            lock (_gate) _tracks.Remove(track);
        }
    }

    private async Task<int> ReceiveOneAsync(ChatLink link, PeerStream stream, CancellationToken cancellationToken)
    {
        var track = new TransferTrack(link.Label) { Kind = link.Connection.Path.Kind };
        link.BeginTransfer();
        var receiver = new FileReceiver(settings.Downloads, new FileReceiveOptions
        {
            Accept = (offer, token) => AskAsync(track, offer, token),
            Observer = happened => Observe(track, happened, isIncoming: true),
        });
        try
        {
            var report = await receiver.ReceiveAsync(link.Connection, stream, cancellationToken).ConfigureAwait(false);
            foreach (var root in report.Roots) Tell(track, new FileNews.Received(root));
        }
        catch (FileException exception)
        {
            Tell(track, new FileNews.Failed(exception.Reason.ToString(), exception.Message, IsIncoming: true));
        }
        catch (PeerException exception)
        {
            Tell(track, new FileNews.Failed(exception.Error.ToString(), exception.Message, IsIncoming: true));
        }
        catch (OperationCanceledException)
        {
            // The chat ends; what was verified stays for the next time.
        }
        finally
        {
            link.EndTransfer();
            lock (_gate) _tracks.Remove(track);
        }

        return ExitCode.Success;
    }

    /// <summary>Whether an offer is taken: a person says so, or the command line did.</summary>
    private async Task<bool> AskAsync(TransferTrack track, FileOffer offer, CancellationToken cancellationToken)
    {
        track.Name = ProgressLine.NameOf(offer.Roots);
        bool isAsked = !settings.AcceptsFiles && !offer.IsContinued && settings.CanAsk;
        var waiting = new Waiting(track.Peer, new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
        if (isAsked)
        {
            lock (_gate) _waiting.Add(waiting);
        }

        Tell(track, new FileNews.Offered(offer, isAsked));
        if (!isAsked) return settings.AcceptsFiles || offer.IsContinued;
        try
        {
            return await waiting.Answer.Task.WaitAsync(s_askPatience, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            lock (_gate) _waiting.Remove(waiting);
        }
    }

    private void Observe(TransferTrack track, FileTransferEvent happened, bool isIncoming)
    {
        switch (happened)
        {
            case FileTransferEvent.Offered when !isIncoming:
                Tell(track, new FileNews.Offering());
                break;
            case FileTransferEvent.Started started:
                track.Begin(started.BytesHere, started.Total);
                lock (_gate) _tracks.Add(track);
                break;
            case FileTransferEvent.Progress progress:
                track.Report(progress.Bytes, progress.Total, progress.Kind);
                if (track.IsDue(s_pause) || progress.Bytes == progress.Total) Tell(track, new FileNews.Progress(track, isIncoming));
                break;
            case FileTransferEvent.Skipped skipped:
                Tell(track, new FileNews.Skipped(skipped.Text));
                break;
        }
    }

    private void Tell(TransferTrack track, FileNews news) => view.Show(new ChatEvent.File(track.Peer, track.Name, news));

    private Task<int> Track(Task<int> task)
    {
        lock (_gate)
        {
            _running.RemoveAll(static one => one.IsCompleted);
            _running.Add(task);
        }

        return task;
    }

    /// <summary>An offer that waits for an answer.</summary>
    private sealed record Waiting(string Peer, TaskCompletionSource<bool> Answer);
}
