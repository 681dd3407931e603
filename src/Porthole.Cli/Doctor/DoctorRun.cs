using System.Threading.Channels;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Doctor;

/// <summary>Connects to a peer, waits until the path is what it will be, and says why.</summary>
internal sealed class DoctorRun(DoctorSettings settings, DoctorReport report)
{
    /// <summary>How long the facts about this side's NATs are waited for before the call: a plan without them is a guess.</summary>
    private static readonly TimeSpan s_factsPatience = TimeSpan.FromSeconds(3);

    /// <summary>How long a path, or a verdict, must stand: a better one often comes a moment later.</summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromMilliseconds(500);

    private readonly Channel<PeerEvent> _events = Channel.CreateUnbounded<PeerEvent>();
    private readonly HashSet<PunchMethod> _running = [];
    private NatReport _nat = NatReport.Unknown;
    private bool _isDirect;
    private bool _isDecided;

    /// <summary>Takes an event; to be given to <see cref="PeerOptions.Observer"/>.</summary>
    public void Observe(PeerEvent happened)
    {
        report.Observe(happened);
        _events.Writer.TryWrite(happened);
    }

    /// <summary>Runs it all.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">There is no connection to be had.</exception>
    public async Task<int> RunAsync(PeerNode node, CancellationToken cancellationToken)
    {
        report.Registered(node);
        await WaitAsync(static happened => happened is PeerEvent.NatReported { Report.IsComplete: true }, s_factsPatience, cancellationToken).ConfigureAwait(false);
        report.Call(_nat); // not the node's, which has it a moment after the observer
        PeerConnection? connection = null;
        try
        {
            connection = await node.ConnectAsync(settings.Target, cancellationToken).ConfigureAwait(false);
            await SettleAsync(cancellationToken).ConfigureAwait(false);
            if (connection.Closed is { IsCompletedSuccessfully: true, Result: var end }) throw new PeerException(end.Error, $"The connection is over before its path was settled: {end.Text}");
            var state = await connection.GetReportAsync().ConfigureAwait(false);
            await report.EndAsync(state, _isDirect || _isDecided).ConfigureAwait(false);
            await connection.CloseAsync(0, "The doctor is done.").ConfigureAwait(false);
            return state.Path.IsDirect ? ExitCode.Success : ExitCode.NoDirectPath;
        }
        finally
        {
            await report.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Waits until a direct path stands, or nothing is tried any more and the verdict says why there is none; or until it takes too long.</summary>
    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        if (!await WaitAsync(IsSettled, settings.Timeout, cancellationToken).ConfigureAwait(false)) return;
        await WaitAsync(static happened => happened is PeerEvent.Closed, s_settling, cancellationToken).ConfigureAwait(false);
        // Another method, or another punch, may have begun in that moment.
        if (!_isDirect && _running.Count > 0) await WaitAsync(IsSettled, settings.Timeout, cancellationToken).ConfigureAwait(false);
    }

    private bool IsSettled(PeerEvent happened) => happened is PeerEvent.Closed || _isDirect || (_isDecided && _running.Count == 0);

    private void Learn(PeerEvent happened)
    {
        switch (happened)
        {
            case PeerEvent.NatReported { Report: var nat }:
                _nat = nat;
                break;
            case PeerEvent.PathChanged moved:
                _isDirect = moved.Path.IsDirect;
                break;
            case PeerEvent.VerdictChanged changed:
                _isDecided = changed.Verdict.Reason is not (VerdictReason.Pending or VerdictReason.Direct);
                break;
            case PeerEvent.MethodTried { Attempt: { Outcome: AttemptOutcome.Running, Method: var method } }:
                _running.Add(method);
                break;
            case PeerEvent.MethodTried { Attempt.Method: var method }:
                _running.Remove(method);
                break;
        }
    }

    /// <summary>Takes events until one fits.</summary>
    /// <returns>False when none came in time.</returns>
    private async Task<bool> WaitAsync(Func<PeerEvent, bool> fits, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(patience);
        try
        {
            while (true)
            {
                var happened = await _events.Reader.ReadAsync(late.Token).ConfigureAwait(false);
                Learn(happened);
                if (fits(happened)) return true;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
