using Porthole.Protocol;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole.Files;

/// <summary>
/// Sends files and folders. What arrives is verified piece by piece and as a whole; an attempt that breaks off is continued by the next one with the same paths, in this process or
/// another, without sending again what is verified. Links and special files are left out, with a line for each.
/// </summary>
public sealed class FileSender
{
    /// <summary>The pauses between attempts: soon at first, for most breaks are short, and never longer than somebody likes to wait.</summary>
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(250), s_longestPause = TimeSpan.FromSeconds(5);

    private readonly IReadOnlyList<string> _paths;
    private readonly FileSendOptions _options;
    private readonly SendTotals _totals = new();
    private int _isSending;
    private bool _hasWalked;

    /// <summary>Creates a sender of some paths; nothing is read yet.</summary>
    /// <param name="paths">Files and folders.</param>
    /// <param name="options">How they are sent; null for the defaults.</param>
    public FileSender(IEnumerable<string> paths, FileSendOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        (_paths, _options) = ([.. paths], options ?? new FileSendOptions());
    }

    /// <summary>Sends everything over one connection, on a stream of its own.</summary>
    /// <param name="connection">A connection to a peer that receives.</param>
    /// <param name="cancellationToken">Gives up; what was verified stays at the receiver for a later attempt.</param>
    /// <exception cref="FileException">Something went wrong with files, here or at the receiver. The rest was sent.</exception>
    /// <exception cref="PeerException">The connection broke, or the peer refuses or does not receive.</exception>
    public async Task<FileSendReport> SendAsync(PeerConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using var sending = Enter();
        long started = _options.TimeProvider.GetTimestamp();
        var attempt = Attempt(await WalkAsync(cancellationToken).ConfigureAwait(false), connection.RemoteLabel, () => connection.Path.Kind);
        await RunAsync(attempt, connection, cancellationToken).ConfigureAwait(false);
        return Report(attempt, started);
    }

    /// <summary>Sends everything, and dials again when a connection breaks or the receiver falls silent, until it is done, refused or cancelled.</summary>
    /// <param name="connect">Gives a connection to the receiver, a new one each time. It is disposed of here.</param>
    /// <param name="cancellationToken">Gives up; what was verified stays at the receiver for a later attempt.</param>
    /// <exception cref="FileException">Something went wrong with files, here or at the receiver. The rest was sent.</exception>
    /// <exception cref="PeerException">The peer refuses or does not receive, the first connection cannot be had, or there will be none any more (<see cref="PeerError.Closed"/>).</exception>
    public async Task<FileSendReport> SendAsync(Func<CancellationToken, Task<PeerConnection>> connect, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connect);
        using var sending = Enter();
        long started = _options.TimeProvider.GetTimestamp();
        bool hasBegun = false;
        SourceTree? tree = await WalkAsync(cancellationToken).ConfigureAwait(false); // before anybody is called: what cannot be sent is said at once
        var backoff = new Backoff(s_firstPause, s_longestPause);
        while (true)
        {
            SendAttempt? attempt = null;
            try
            {
                var connection = await connect(cancellationToken).ConfigureAwait(false);
                await using (connection.ConfigureAwait(false))
                {
                    tree ??= await WalkAsync(cancellationToken).ConfigureAwait(false);
                    attempt = Attempt(tree, connection.RemoteLabel, () => connection.Path.Kind);
                    tree = null;
                    attempt.IsContinued = hasBegun;
                    await RunAsync(attempt, connection, cancellationToken).ConfigureAwait(false);
                }

                return Report(attempt, started);
            }
            catch (PeerException exception) when ((hasBegun || attempt?.HasBegun == true) && IsPassing(exception.Error) && (attempt is not null || exception.Error != PeerError.Closed))
            {
                if (attempt?.HasAdvanced == true) backoff.Reset(); // one that always breaks at the same place must not be dialled without end
                hasBegun = true;
                _options.Observer?.Invoke(new FileTransferEvent.Interrupted(exception.Error, exception.Message));
            }

            await Task.Delay(backoff.Grow(), _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether it may go better the next time. <see cref="PeerError.Closed"/> is the end of a connection that was under way; where dialling says so, there is nobody left who could dial.</summary>
    internal static bool IsPassing(PeerError error) => error switch
    {
        PeerError.UnknownPeer or PeerError.PeerOffline or PeerError.TimedOut or PeerError.LimitReached or PeerError.ServerUnreachable or PeerError.ClosedByPeer
            or PeerError.Closed or PeerError.Lost or PeerError.HandshakeFailed or PeerError.UdpBlocked or PeerError.NoDirectPath or PeerError.StreamAborted => true,
        _ => false,
    };

    /// <summary>Walks through what is to be sent: anew for each attempt, for it may have changed.</summary>
    internal async Task<SourceTree> WalkAsync(CancellationToken cancellationToken)
    {
        var observer = _hasWalked ? null : _options.Observer; // what is left out is said once
        _hasWalked = true;
        return await Task.Run(() => SourceTree.Walk(_paths, observer, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>An attempt to send a tree.</summary>
    internal SendAttempt Attempt(SourceTree tree, string other, Func<PathKind> path) => new(tree, SourceTree.IdOf(_paths), _totals, _options, other, path);

    /// <summary>What came of it.</summary>
    /// <exception cref="FileException">Some files could not be sent.</exception>
    internal FileSendReport Report(SendAttempt attempt, long started)
    {
        attempt.Failures.ThrowIfAny("could not be sent");
        return new FileSendReport(attempt.Delivered.Files, attempt.Delivered.Bytes, _totals.Resent(attempt.TotalBytes), attempt.SkippedEntries, _options.TimeProvider.GetElapsedTime(started));
    }

    private static async Task RunAsync(SendAttempt attempt, PeerConnection connection, CancellationToken cancellationToken)
    {
        var stream = await connection.OpenStreamAsync(StreamPreamble.Files, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await attempt.RunAsync(stream, stream.CompleteWrites, cancellationToken).ConfigureAwait(false);
        }
    }

    private Sending Enter() => Interlocked.Exchange(ref _isSending, 1) == 0 ? new Sending(this) : throw new InvalidOperationException("This sender is sending already.");

    private readonly struct Sending(FileSender sender) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref sender._isSending, 0);
    }
}
