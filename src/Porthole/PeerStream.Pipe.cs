using System.IO.Pipelines;

namespace Porthole;

/// <summary>The stream as a pair of pipes, and what becomes of it without a read or a write.</summary>
public sealed partial class PeerStream
{
    private TaskCompletionSource? _broken;
    private TaskCompletionSource? _over;
    private int _isOver;

    /// <summary>
    /// Completes when the peer gives up one of the directions, when both are given up here (<see cref="Abort"/>), or when the connection has ended: whoever works for the peer on the other direction works for
    /// nobody. It never faults, and stays pending where both directions end in order, and where one is given up here: who does that goes on with the other, as a server answers a request whose body it did not read.
    /// </summary>
    internal Task Broken
    {
        get
        {
            var broken = LazyInitializer.EnsureInitialized(ref _broken, NewSignal);
            LookWhetherBroken();
            return broken.Task;
        }
    }

    /// <summary>Completes when the peer has everything that was written and both directions have ended, or the connection has. It never faults.</summary>
    internal Task Over
    {
        get
        {
            var over = LazyInitializer.EnsureInitialized(ref _over, NewSignal);
            if (Volatile.Read(ref _isOver) != 0) over.TrySetResult();
            return over.Task;
        }
    }

    /// <summary>
    /// The stream as pipes, for whatever parses and formats in place. Use either the pipes or the stream, not both. Completing the writer completes the writes, and with an exception gives that
    /// direction up; completing the reader before its end tells the peer that no more is wanted. When both are complete, the stream is disposed of.
    /// </summary>
    public IDuplexPipe AsDuplexPipe() => new PeerStreamPipe(this, null);

    /// <summary>The stream is over, or its connection: once.</summary>
    internal void HandleOver()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0) Diagnostics.PeerMetrics.StreamOver(_stream.IsLocal);
        Volatile.Read(ref _over)?.TrySetResult();
        Wake();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void LookWhetherBroken()
    {
        if (Volatile.Read(ref _broken) is not { } broken) return;
        bool isReset = _stream.ResetCode is not null && !_readsAborted; // a peer that is told that no more is wanted answers with a reset
        if (_aborted || isReset || _stream.StopCode is not null || _stream.IsSessionClosed) broken.TrySetResult();
    }
}
