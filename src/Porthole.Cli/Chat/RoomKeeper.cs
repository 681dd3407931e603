using System.Collections.Immutable;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Chat;

/// <summary>Keeps this peer connected to everybody in a room, as <see cref="RoomMesh"/> says.</summary>
internal sealed class RoomKeeper(string room, PeerNode node, IChatView view)
{
    private readonly RoomMesh _mesh = new(node.Id);
    private readonly Lock _gate = new();
    private readonly long _start = node.Options.TimeProvider.GetTimestamp();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isGreeted;

    /// <summary>Raised when <see cref="IsSettled"/> may have become true.</summary>
    public event Action? Changed;

    /// <inheritdoc cref="RoomMesh.IsSettled"/>
    public bool IsSettled
    {
        get
        {
            lock (_gate) return _mesh.IsSettled;
        }
    }

    /// <inheritdoc cref="RoomMesh.IsFull"/>
    public bool IsFull
    {
        get
        {
            lock (_gate) return _mesh.IsFull;
        }
    }

    /// <inheritdoc cref="RoomMesh.Missing"/>
    public IReadOnlyList<(PeerInfo Peer, string? Trouble)> Missing
    {
        get
        {
            lock (_gate) return _mesh.Missing;
        }
    }

    private TimeSpan Now => node.Options.TimeProvider.GetElapsedTime(_start);

    /// <summary>Calls whoever is to be called, until it is cancelled.</summary>
    /// <param name="call">Makes one call, and does not fault.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(Func<PeerInfo, Task<PeerException?>> call, CancellationToken cancellationToken)
    {
        var calls = new List<Task>();
        try
        {
            while (true)
            {
                var changed = Volatile.Read(ref _changed); // before looking: what happens after completes it
                TimeSpan? wake;
                List<PeerInfo> due = [], excess = [];
                lock (_gate)
                {
                    while (_mesh.TryTakeDue(Now, out var peer)) due.Add(peer);
                    while (_mesh.TryTakeExcess(Now, out var peer)) excess.Add(peer);
                    wake = _mesh.WakeAt;
                }

                foreach (var peer in excess) view.Show(new ChatEvent.Notice($"There are more than {RoomMesh.MaxPeers} in the room: {LabelOf(peer)} is not called before somebody leaves."));
                calls.RemoveAll(static one => one.IsCompleted);
                calls.AddRange(due.Select(peer => CallAsync(peer, call)));
                var pause = wake is { } at ? TimeSpan.FromTicks(Math.Max((at - Now).Ticks, 0)) : Timeout.InfiniteTimeSpan;
                try
                {
                    await changed.Task.WaitAsync(pause, node.Options.TimeProvider, cancellationToken).ConfigureAwait(false);
                }
                catch (TimeoutException)
                {
                    // Somebody is due.
                }
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(calls).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the server who is here, after each registration, until it says so or is lost.</summary>
    public async Task ListAsync(CancellationToken cancellationToken)
    {
        bool isTold = false;
        try
        {
            while (!await TryListAsync(isTold, cancellationToken).ConfigureAwait(false) && node.Server.IsRegistered)
            {
                isTold = true;
                await Task.Delay(RoomMesh.Redial, node.Options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The chat ends.
        }
    }

    /// <summary>Somebody came into the room, or left it.</summary>
    public void Handle(PeerInfo peer, bool isOnline)
    {
        lock (_gate)
        {
            if (!isOnline) _mesh.Left(peer.Peer);
            else if (peer.Name is not null) _mesh.Arrived(peer, Now); // a peer without a name is a tool that looks around, or calls by itself
        }

        Announce();
    }

    /// <summary>Whether somebody is in the room. The server, which lets only those in the room see each other, is asked where it is not known yet.</summary>
    public async Task<bool> HoldsAsync(PeerId peer, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_mesh.Holds(peer)) return true;
        }

        try
        {
            return (await node.GetPeersAsync(cancellationToken).ConfigureAwait(false)).Any(one => one.Peer == peer);
        }
        catch (PeerException)
        {
            return false;
        }
    }

    /// <inheritdoc cref="RoomMesh.Connected"/>
    public bool Connected(PeerId peer)
    {
        bool isBack;
        lock (_gate) isBack = _mesh.Connected(peer);
        Announce();
        return isBack;
    }

    /// <inheritdoc cref="RoomMesh.Ended"/>
    public void Ended(PeerId peer)
    {
        lock (_gate) _mesh.Ended(peer, Now);
        Announce();
    }

    private static string LabelOf(PeerInfo peer) => peer.Name ?? peer.Peer.Short;

    private async Task CallAsync(PeerInfo peer, Func<PeerInfo, Task<PeerException?>> call)
    {
        var failure = await call(peer).ConfigureAwait(false);
        bool isNews = false;
        lock (_gate)
        {
            if (failure is not null) isNews = _mesh.Failed(peer.Peer, failure.Error, failure.Message, Now);
            _mesh.CallEnded(peer.Peer, Now);
        }

        if (isNews) view.Show(new ChatEvent.Failed(failure!.Error, $"{LabelOf(peer)} is in the room and cannot be reached: {failure.Message} It is tried again."));
        Announce();
    }

    private async Task<bool> TryListAsync(bool isTold, CancellationToken cancellationToken)
    {
        try
        {
            var asked = Now;
            var peers = await node.GetPeersAsync(cancellationToken).ConfigureAwait(false);
            lock (_gate) _mesh.Listed(peers, asked, Now);
            Greet(peers);
            Announce();
            return true;
        }
        catch (PeerException exception)
        {
            if (node.Server.IsRegistered && !isTold) view.Show(new ChatEvent.Failed(exception.Error, $"Who is in the room is not known: {exception.Message} It is asked again."));
            return false;
        }
    }

    private void Greet(ImmutableArray<PeerInfo> peers)
    {
        if (_isGreeted) return;
        _isGreeted = true;
        string[] names = [.. peers.Where(static peer => peer.Name is not null).Select(LabelOf).Order(StringComparer.Ordinal)];
        string company = names.Length == 0 ? "Nobody else is here yet." : $"Here already: {string.Join(", ", names)}.";
        view.Show(new ChatEvent.Notice($"You are in the room {Words.Safe(room)}. {company} What is said while somebody is away does not reach them later."));
    }

    private void Announce()
    {
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        Changed?.Invoke();
    }
}
