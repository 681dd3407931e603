using Porthole.Protocol;

namespace Porthole;

/// <summary>Somebody wants to connect, and the accept policy is to ask. Accept or refuse soon: the caller waits, and the server gives up after a while. To connect to the caller answers the call too, and ends it.</summary>
public sealed class IncomingCall
{
    private readonly PeerNode _node;
    private readonly PeerConnection _connection;
    private readonly TaskCompletionSource<PeerConnection> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _answered;

    internal IncomingCall(PeerNode node, PeerConnection connection, PublicKey key, string? name) => (_node, _connection, Key, Name) = (node, connection, key, name);

    /// <summary>The caller's key, as the server says; the handshake proves it after <see cref="AcceptAsync"/>.</summary>
    public PublicKey Key { get; }

    /// <summary>The caller's id.</summary>
    public PeerId PeerId => Key.PeerId;

    /// <summary>The caller's name at the server; null for none.</summary>
    public string? Name { get; }

    /// <summary>Completes when nothing is left to answer: the connection stands, or the call was refused, taken back, given up, or answered by calling back. It never faults.</summary>
    public Task Ended => _opened.Task.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    internal TaskCompletionSource<PeerConnection> Opened => _opened;

    /// <summary>Takes the call.</summary>
    /// <exception cref="PeerException">The connection did not come to be: the caller gave up, or did not prove its key.</exception>
    /// <exception cref="InvalidOperationException">The call was answered before.</exception>
    public async Task<PeerConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        Answer();
        _node.Post((machine, now) => machine.Accept(now, _connection.Handle));
        try
        {
            return await _opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _node.Post((machine, now) => machine.Close(now, _connection.Handle, 0, string.Empty));
            throw;
        }
    }

    /// <summary>Declines the call; the caller is told so.</summary>
    /// <exception cref="InvalidOperationException">The call was answered before.</exception>
    public void Refuse()
    {
        Answer();
        _node.Refuse(_connection.Handle);
    }

    private void Answer()
    {
        if (Interlocked.Exchange(ref _answered, 1) != 0) throw new InvalidOperationException("The call was answered before.");
    }
}
