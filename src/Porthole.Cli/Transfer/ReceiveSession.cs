using Porthole.Files;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Transfer;

/// <summary>One run of <c>porthole receive</c>: takes connections, asks where it is to ask, and receives, from several senders at once.</summary>
internal sealed class ReceiveSession(ReceiveSettings settings)
{
    /// <summary>The close code for a peer that wants something else than to send files.</summary>
    private const long NotFiles = 1;

    /// <summary>How long a peer may take to say what its stream is for.</summary>
    private static readonly TimeSpan s_preamblePatience = TimeSpan.FromSeconds(20);

    private readonly TaskCompletionSource<int> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly List<ReceiveReport> _reports = [];
    private ITransferView _view = null!;
    private FileReceiver _receiver = null!;
    private CodeLink? _link;
    private AwayTimer? _away;

    /// <summary>Runs it all.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">The peer cannot be started, the code is wrong, nobody came, and so on.</exception>
    public async Task<int> RunAsync(PeerOptions options, CancellationToken interrupted)
    {
        using var view = TransferView.Create(settings.Json);
        _view = view;
        _receiver = new FileReceiver(settings.Folder, new FileReceiveOptions { Accept = AcceptAsync, Overwrite = settings.Overwrite }); // one for all: a transfer may change over to another connection
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        var watch = new NodeWatch(view, settings.Json, stop);
        try
        {
            CheckFolder();
            return await ReceiveAsync(options, watch, stop.Token).ConfigureAwait(false);
        }
        catch (FileException exception)
        {
            view.Warn(exception.Message);
            return ExitCode.Of(exception);
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested && watch.Fatal is { Error: { } error } fatal)
        {
            view.Warn(fatal.Text);
            return ExitCode.Of(error);
        }
        catch (OperationCanceledException)
        {
            bool isUnderWay;
            lock (_gate) isUnderWay = _reports.Exists(static report => report.IsUnderWay);
            if (!isUnderWay && settings.Code is null) return ExitCode.Success; // that is how it is ended
            view.Warn(isUnderWay ? "Stopped. What has come is kept: the same command goes on from there." : "Stopped before anything came.");
            return ExitCode.Interrupted;
        }
        finally
        {
            await watch.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A folder that cannot be written into is said now, and not when the first file comes.</summary>
    private void CheckFolder()
    {
        string folder = Path.GetFullPath(settings.Folder);
        try
        {
            Directory.CreateDirectory(folder);
            File.Create(Path.Combine(folder, $".porthole-{Path.GetRandomFileName()}"), 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new FileException(FileError.PermissionDenied, $"Nothing can be written into {folder}: {exception.Message} Choose another folder with --to.", exception) { Path = folder };
        }
    }

    private async Task<int> ReceiveAsync(PeerOptions options, NodeWatch watch, CancellationToken cancellationToken)
    {
        // An offer is seen on a connection only: who is asked about offers takes connections of anyone.
        options = options with { Accept = settings.Accept == AcceptPolicy.Ask ? AcceptPolicy.Anyone : settings.Accept, RemembersCallers = false };
        using var link = _link = settings.Code is { } code ? CodeLink.Open(TransferSide.Receive, code, Pairings.Open(Pairings.DefaultPath), options, settings.NamesIdentity) : null;
        var node = await PeerNode.StartAsync(watch.Watch(TransferSessions.Adjust(link?.Options ?? options)), cancellationToken).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            string folder = Path.GetFullPath(settings.Folder);
            watch.Started(
                node,
                link is null
                    ? $"Receiving into {folder} as {node.Name ?? "(no name)"}, {node.Id}. Ctrl-C stops it."
                    : $"Receiving into {folder}.");
            link?.Check(node);
            using var away = _away = link is null ? null : new AwayTimer(settings.Wait, GiveUp, TimeProvider.System);
            _ = TakeAsync(node, cancellationToken);
            return await _end.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes connections as they come.</summary>
    private async Task TakeAsync(PeerNode node, CancellationToken cancellationToken)
    {
        try
        {
            if (_link is { Pairing: null } link) _ = ServeAsync(await link.MeetAsync(node, cancellationToken).ConfigureAwait(false), cancellationToken);
            else if (_link is not null) _view.Say("waiting", "Waiting for the other side, to go on where it was. Ctrl-C stops it.");
            while (true) _ = ServeAsync(await node.AcceptAsync(cancellationToken).ConfigureAwait(false), cancellationToken);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            if (exception is PeerException) _end.TrySetException(exception);
        }
    }

    private async Task ServeAsync(PeerConnection connection, CancellationToken cancellationToken)
    {
        _away?.Came();
        var report = new ReceiveReport(settings, _view, connection);
        lock (_gate) _reports.Add(report);
        try
        {
            while (true) _ = ServeStreamAsync(connection, await connection.AcceptStreamAsync(cancellationToken).ConfigureAwait(false), report, cancellationToken);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // The connection, or this program, has come to its end.
        }
        finally
        {
            lock (_gate)
            {
                if (!cancellationToken.IsCancellationRequested) _reports.Remove(report); // what was under way when the program was stopped is still to be told
            }

            _away?.Went();
        }
    }

    private async Task ServeStreamAsync(PeerConnection connection, PeerStream stream, ReceiveReport report, CancellationToken cancellationToken)
    {
        try
        {
            await using (stream.ConfigureAwait(false))
            {
                if (!await IsFilesAsync(stream, cancellationToken).ConfigureAwait(false))
                {
                    await connection.CloseAsync(NotFiles, "This peer runs 'porthole receive', which takes what 'porthole send' sends.").ConfigureAwait(false);
                    return;
                }

                var received = await _receiver.ReceiveAsync(connection, stream, report.Handle, cancellationToken).ConfigureAwait(false);
                report.Received(received);
                if (settings.Accept == AcceptPolicy.Ask && _link is null) connection.Remember(); // a person took its files
                _link?.Forget();
                if (settings.Once || _link is not null) _end.TrySetResult(ExitCode.Success);
            }
        }
        catch (FileException exception) when (exception.Reason == FileError.Superseded)
        {
            report.End(); // a newer connection carries it
        }
        catch (FileException exception) when (exception is { Reason: FileError.Refused, IsRemote: false })
        {
            report.Refused();
            if (_link is not null) _end.TrySetResult(ExitCode.Of(PeerError.Refused));
        }
        catch (FileException exception)
        {
            report.Failed(exception);
            if (settings.Once || _link is not null) _end.TrySetResult(ExitCode.Of(exception));
        }
        catch (PeerException exception) when (!cancellationToken.IsCancellationRequested)
        {
            report.Interrupted(exception);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // The program ends, and says so.
        }
        catch (Exception exception)
        {
            _end.TrySetException(exception); // a defect is not to be lost
        }
    }

    private async Task<bool> AcceptAsync(FileOffer offer, CancellationToken cancellationToken) =>
        settings.Accept != AcceptPolicy.Ask || offer.IsContinued || await _view.AskAsync(ReceiveReport.Question(offer), cancellationToken).ConfigureAwait(false);

    private static async Task<bool> IsFilesAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(s_preamblePatience);
        try
        {
            return await stream.ReadProtocolAsync(late.Token).ConfigureAwait(false) == StreamPreamble.Files;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private void GiveUp() => _end.TrySetException(new PeerException(
        PeerError.TimedOut, $"The other side did not come within {Amounts.Span(settings.Wait)}. What has come is kept: the same command waits again."));
}
