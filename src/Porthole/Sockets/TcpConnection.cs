using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// A TCP connection that carries messages, made or accepted. What the system takes at once leaves on the sender's own thread; the rest waits in a queue here,
/// and past a limit the machine is told that the connection is congested, and told again when it is writable.
/// </summary>
/// <remarks>
/// It always ends with RST, never with FIN. The side that sends the first FIN keeps the pair of addresses in TIME_WAIT for a minute, and from a punched
/// port that pair is the very one that is wanted again. Who has nothing more to say has said so in a message; so an orderly close only waits until
/// the other side's system has acknowledged all of it.
/// </remarks>
/// <param name="id">Its number.</param>
/// <param name="framing">How messages lie in its stream.</param>
/// <param name="inbox">Where messages and events go.</param>
/// <param name="ended">Called when the system's resources are released, before <see cref="Closed"/> completes.</param>
internal sealed partial class TcpConnection(SocketId id, MessageFraming framing, ISocketInbox inbox, Action? ended = null) : INetworkSocket
{
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(1);

    /// <summary>How often the system is asked whether everything has arrived: a fraction of a round trip.</summary>
    private static readonly TimeSpan s_acknowledgedPoll = TimeSpan.FromMilliseconds(5);

    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _aborting = new();
    private readonly object _gate = new();
    private Socket? _socket;
    private int _isClosing;

    public SocketId Id => id;

    public Task Closed => _closed.Task;

    /// <summary>How long an orderly close may take before the connection is reset.</summary>
    public TimeSpan CloseTimeout { get; init; } = s_closeTimeout;

    /// <summary>Cancelled when the connection is to be given up at once, before or after it was established.</summary>
    public CancellationToken Aborting => _aborting.Token;

    /// <summary>Whether somebody called <see cref="Close"/>, or it has failed.</summary>
    public bool IsClosing => Volatile.Read(ref _isClosing) != 0;

    public void Close(bool abortive)
    {
        bool isFirst = Interlocked.Exchange(ref _isClosing, 1) == 0;
        if (abortive || !IsOpen) Reset();
        else if (isFirst) _ = EndInOrderAsync();
    }

    /// <summary>Takes the socket, connected or not: from now on <see cref="Close"/> closes it.</summary>
    public void Attach(Socket socket)
    {
        lock (_gate)
        {
            _socket = socket;
            if (!IsClosing) return;
        }

        Reset();
    }

    /// <summary>
    /// Carries messages over the open connection until it ends. Says why it ended by an event, unless it was closed from here. What nobody expected, a defect,
    /// ends it all the same, and faults the task.
    /// </summary>
    public async Task RunAsync(Socket socket, TransportAddress remote)
    {
        await Task.Yield(); // the caller is the machine's thread, or the listener's
        var failure = Failed(SocketFailure.Other, "a defect has ended the connection");
        try
        {
            failure = await ReceiveAllAsync(socket, remote).ConfigureAwait(false);
        }
        finally
        {
            Reset();
            try
            {
                await _sending.ConfigureAwait(false);
            }
            finally
            {
                End(failure);
            }
        }
    }

    /// <summary>Notes that nothing runs any more; also for a connection that never came to be.</summary>
    /// <param name="failure">What to tell the machine, unless it closed the connection itself.</param>
    public void End(SocketEvent.Failed? failure)
    {
        Reset();
        lock (_gate) _queue.Clear();
        if (Interlocked.Exchange(ref _isClosing, 1) == 0 && failure is not null) inbox.Deliver(failure);
        ended?.Invoke();
        _closed.TrySetResult();
    }

    /// <summary>Gives the connection up at once. When this returns its pair of addresses is free.</summary>
    private void Reset()
    {
        lock (_gate)
        {
            _socket?.Close(0); // RST if it was connected
            _socket = null;
        }

        _aborting.Cancel();
    }

    private async Task EndInOrderAsync()
    {
        _aborting.CancelAfter(CloseTimeout);
        while (!HasArrived() && !_aborting.IsCancellationRequested)
        {
            await Task.Delay(s_acknowledgedPoll, _aborting.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Reset();
    }

    /// <summary>Whether nothing is left of what was sent, here or in the system; or nothing can be done for it any more.</summary>
    private bool HasArrived()
    {
        lock (_gate) return _socket is null || (_queue.Length == 0 && TcpSockets.IsAcknowledged(_socket));
    }
}
