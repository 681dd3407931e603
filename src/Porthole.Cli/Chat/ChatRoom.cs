using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Chat;

/// <summary>All chats of one peer: takes and makes connections, answers calls, sends to everyone or to one.</summary>
internal sealed class ChatRoom(PeerNode node, IChatView view, ChatSettings settings)
{
    /// <summary>The close code of a chat that has no place for one more.</summary>
    private const long TooMany = 2;

    /// <summary>How long a line from a pipe waits for a peer that does not keep up: longer than a session needs to leave a dead path, or a peer to say hello.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly RoomKeeper? _keeper = settings is { Room: { } name, AutoConnect: true } ? new RoomKeeper(name, node, view) : null;
    private readonly Lock _gate = new();
    private readonly ChatLinks _links = new(node.Id);
    private readonly List<(string Label, IncomingCall Call)> _calls = [];
    private readonly HashSet<string> _calling = [];
    private readonly Dictionary<string, int> _lost = [];
    private readonly List<Task> _running = [];
    private readonly CancellationTokenSource _closing = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _lastNumber;
    private bool _hasRefused;
    private bool _isServerLost;

    /// <summary>Completes when the server will not have this peer back; faults with the reason.</summary>
    public TaskCompletionSource Lost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The files that are sent and received.</summary>
    public ChatFiles Files { get; } = new(settings, view);

    /// <summary>The chats that go on, oldest first.</summary>
    public ChatLink[] Links => _links.Carriers;

    /// <summary>Every connection: also one too many to a program, until it has ended.</summary>
    public ChatLink[] AllLinks => _links.All;

    /// <summary>Whom a line goes to that is for everyone: also those who have yet to say hello, for they are shown as connected.</summary>
    public ChatLink[] Everyone => [.. Links.Where(static link => !link.Ready.IsCanceled)];

    /// <summary>Whether something that was to be said went to somebody not at all, which was told then.</summary>
    public bool HasRefused => Volatile.Read(ref _hasRefused);

    /// <summary>Who has not acknowledged how many messages: of those who are here, and of those who are gone.</summary>
    public IReadOnlyDictionary<string, int> Undelivered
    {
        get
        {
            lock (_gate)
            {
                var all = new Dictionary<string, int>(_lost);
                foreach (var link in AllLinks.Where(static link => link.Undelivered > 0)) all[link.Label] = all.GetValueOrDefault(link.Label) + link.Undelivered;
                return all;
            }
        }
    }

    /// <summary>Those who are in the room and not connected, with the reason as far as there is one.</summary>
    public IReadOnlyList<(PeerInfo Peer, string? Trouble)> Missing => _keeper?.Missing ?? [];

    /// <summary>The calls that wait for an answer.</summary>
    public string[] Callers
    {
        get
        {
            lock (_gate) return [.. _calls.Select(static one => one.Label)];
        }
    }

    public void Start()
    {
        view.Show(new ChatEvent.Registered(node.Name, node.Id));
        node.ServerChanged += HandleServer;
        _running.Add(AcceptAsync());
        _running.Add(TakeCallsAsync());
        if (_keeper is not null)
        {
            _keeper.Changed += Announce;
            _running.Add(_keeper.RunAsync(CallAsync, _closing.Token));
            _running.Add(_keeper.ListAsync(_closing.Token));
        }
        else if (settings.AutoConnect) view.Show(new ChatEvent.Notice("Whoever is here already connects to you, and you to whoever comes next."));
    }

    /// <summary>Ends all chats with a word of good-bye.</summary>
    public async Task CloseAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(AllLinks.Select(static link => link.Connection.CloseAsync(0, "They left the chat."))).ConfigureAwait(false);
        Task[] running;
        lock (_gate) running = [.. _running];
        await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>
    /// Somebody came or went. The server tells of newcomers only to those who are there, so that of any two exactly one calls: the older calls the newcomer.
    /// </summary>
    public void HandlePresence(PeerInfo peer, bool isOnline)
    {
        view.Show(new ChatEvent.Presence(peer.Name ?? peer.Peer.Short, peer.Peer, isOnline));
        _keeper?.Handle(peer, isOnline);
        if (_keeper is not null || !settings.AutoConnect || !isOnline || peer.Name is null || peer.Peer == node.Id) return; // a peer without a name is a tool that looks around
        var calling = ConnectAsync(new PeerTarget(peer.Name, peer.Peer)); // not under the lock: it shows something
        lock (_gate) _running.Add(calling);
    }

    /// <summary>Calls a peer and waits until the chat stands; says so if it does not.</summary>
    /// <returns>Null, or why not.</returns>
    public async Task<PeerException?> ConnectAsync(PeerTarget target)
    {
        if (Links.FirstOrDefault(link => Matches(link, target)) is { } link) view.Show(new ChatEvent.Notice($"{link.Label} is connected already."));
        var (failure, isTold) = await DialAsync(target).ConfigureAwait(false);
        if (failure is not null && !isTold) view.Show(new ChatEvent.Failed(failure.Error, $"{LabelOf(target)}: {failure.Message}"));
        return failure;
    }

    /// <summary>Answers a call.</summary>
    /// <param name="caller">Whose; empty for the only one.</param>
    /// <param name="accept">Whether to take it.</param>
    public async Task AnswerAsync(string caller, bool accept)
    {
        IncomingCall? call;
        lock (_gate)
        {
            int index = caller.Length == 0 && _calls.Count == 1 ? 0 : _calls.FindIndex(one => IsCalled(one.Label, one.Call.PeerId, caller));
            call = index < 0 ? null : _calls[index].Call;
            if (index >= 0) _calls.RemoveAt(index);
        }

        if (call is null)
        {
            view.Show(new ChatEvent.Failed(PeerError.BadRequest, caller.Length == 0 ? "Say whose call." : $"{Words.Safe(caller)} is not calling."));
            return;
        }

        await AnswerAsync(call, accept).ConfigureAwait(false);
    }

    private async Task AnswerAsync(IncomingCall call, bool accept)
    {
        try
        {
            if (accept) Add(await call.AcceptAsync(_closing.Token).ConfigureAwait(false));
            else call.Refuse();
        }
        catch (PeerException exception) when (exception.Error == PeerError.Closed)
        {
            // It was answered by calling back.
        }
        catch (PeerException exception)
        {
            view.Show(new ChatEvent.Failed(exception.Error, exception.Message));
        }
        catch (OperationCanceledException)
        {
            // The chat ends.
        }
    }

    /// <summary>The chat that a person means by a name or an id; null for none.</summary>
    public ChatLink? Find(string nameOrId) => Links.FirstOrDefault(link => IsCalled(link.Label, link.Connection.RemotePeerId, nameOrId));

    /// <summary>Sends a text to some of the chats; in a pipe it waits for those who do not keep up.</summary>
    public async Task SendAsync(IReadOnlyList<ChatLink> links, string text)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(text) > ChatFrame.MaxText)
        {
            view.Show(new ChatEvent.Failed(PeerError.BadRequest, string.Create(CultureInfo.InvariantCulture, $"That is longer than a message may be ({ChatFrame.MaxText} bytes): it was not sent.")));
            Volatile.Write(ref _hasRefused, true);
            return;
        }

        ulong number = Interlocked.Increment(ref _lastNumber);
        string[] labels = [.. links.Select(static link => link.Label)];
        string[] missed = links.Count > 1 || _keeper is not null ? [.. Missing.Select(static one => one.Peer.Name ?? one.Peer.Peer.Short)] : [];
        view.Show(new ChatEvent.Sent(labels, number, text, missed)); // before the first acknowledgement can come
        await Task.WhenAll(links.Select(link => SendAsync(link, number, text))).ConfigureAwait(false);
    }

    private async Task SendAsync(ChatLink link, ulong number, string text)
    {
        if (await _links.SendAsync(link, number, text, settings.IsInteractive ? TimeSpan.Zero : s_patience).ConfigureAwait(false)) return;
        Volatile.Write(ref _hasRefused, true);
        if (_closing.IsCancellationRequested) return;
        var (error, why) = link.Connection.Closed.IsCompleted ? (PeerError.PeerOffline, "is gone") : (PeerError.LimitReached, "does not keep up");
        view.Show(new ChatEvent.Failed(error, string.Create(CultureInfo.InvariantCulture, $"{link.Label} {why}; message {number} was not sent to them.")));
    }

    /// <summary>Sends a file or folder to some of the chats.</summary>
    /// <returns>The exit code.</returns>
    public Task<int> SendFileAsync(IReadOnlyList<ChatLink> links, string path) => Files.SendAsync(path, links, _closing.Token);

    /// <summary>Waits until there is somebody to talk to.</summary>
    public async Task<bool> WaitForSomebodyAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(patience);
        if (Links.Length == 0) view.Show(new ChatEvent.Notice($"Nobody is connected yet; the line waits up to {patience.TotalSeconds:0} s for somebody."));
        while (true)
        {
            var changed = Volatile.Read(ref _changed);
            if (HasCompany) return true;
            try
            {
                await changed.Task.WaitAsync(late.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return false;
            }
        }
    }

    /// <summary>Whether there is somebody to talk to; in a room, whether everybody in it is connected, or known not to be.</summary>
    private bool HasCompany
    {
        get
        {
            var links = Links;
            return links.Any(static link => link.Ready.IsCompletedSuccessfully) && (_keeper is null || (_keeper.IsSettled && links.All(static link => link.Ready.IsCompleted)));
        }
    }

    private static string LabelOf(PeerTarget target) => target.Name ?? target.ToString();

    /// <summary>Calls somebody of the room, who says what became of it.</summary>
    private async Task<PeerException?> CallAsync(PeerInfo peer) => (await DialAsync(new PeerTarget(peer.Name, peer.Peer)).ConfigureAwait(false)).Failure;

    /// <summary>Calls a peer.</summary>
    /// <returns>Null, or why there is no chat, and whether that was told already.</returns>
    private async Task<(PeerException? Failure, bool IsTold)> DialAsync(PeerTarget target)
    {
        string label = LabelOf(target);
        lock (_gate)
        {
            if (Links.Any(link => Matches(link, target)) || !_calling.Add(label)) return (null, false);
        }

        view.Show(new ChatEvent.Calling(label));
        try
        {
            var connection = await node.ConnectAsync(target, _closing.Token).ConfigureAwait(false);
            var link = Add(connection);
            await link.Ready.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!link.Ready.IsCanceled) return (null, false);
            if (link.Misfit is { } misfit) return (misfit, false);
            return (connection.Closed is { IsCompletedSuccessfully: true, Result: var end } ? new PeerException(end.Error, $"{label} did not begin a chat: {end.Text}") : null, settings.IsInteractive);
        }
        catch (PeerException exception) when (exception.Error == PeerError.Closed)
        {
            return (null, true); // both called at once, and the peer's call is the one that was taken
        }
        catch (PeerException exception)
        {
            return (exception, false);
        }
        catch (OperationCanceledException)
        {
            return (null, false);
        }
        finally
        {
            lock (_gate) _calling.Remove(label);
        }
    }

    private static bool IsCalled(string label, PeerId id, string nameOrId) =>
        string.Equals(label, nameOrId, StringComparison.OrdinalIgnoreCase) || (PeerId.TryParse(nameOrId, out var asked) && asked == id);

    private static bool Matches(ChatLink link, PeerTarget target) =>
        target.Id is { } id ? link.Connection.RemotePeerId == id : string.Equals(link.Connection.RemoteName, target.Name, StringComparison.OrdinalIgnoreCase);

    /// <summary>Chats over a connection.</summary>
    public ChatLink Add(PeerConnection connection)
    {
        var (link, isMore) = _links.Add(connection, view, Files);
        bool isBack = _keeper?.Connected(connection.RemotePeerId) == true; // before it is told: who is shown as connected is not missing
        lock (_gate)
        {
            _running.RemoveAll(static task => task.IsCompleted);
            _running.Add(RunAsync(link, isMore));
        }

        if (isBack)
        {
            var old = AllLinks.Where(one => one.Connection.RemotePeerId == connection.RemotePeerId && one.Connection.RemoteInstance != connection.RemoteInstance);
            foreach (var one in old) _ = one.Connection.CloseAsync(0, "They came back.");
        }

        return link;
    }

    /// <summary>Chats until a connection is over. That it is one more to a program, or one less, is nobody's news.</summary>
    private async Task RunAsync(ChatLink link, bool isMore)
    {
        await Task.Yield();
        var connection = link.Connection;
        bool isNew = !node.Options.Allowed.Contains(connection.RemotePeerId);
        if (!isMore) view.Show(new ChatEvent.Connected(link.Label, connection.RemotePeerId, connection.IsIncoming, isNew));
        PathNews.Follow(connection, json: false, ShowPath, ShowPath);
        var chatting = link.RunAsync();
        _ = link.Ready.ContinueWith(_ => Announce(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await chatting.ConfigureAwait(false);
        var end = await connection.Closed.ConfigureAwait(false);
        bool isLeft;
        lock (_gate)
        {
            isLeft = _links.Remove(link);
            if (link.Undelivered > 0) _lost[link.Label] = _lost.GetValueOrDefault(link.Label) + link.Undelivered;
        }

        _keeper?.Ended(connection.RemotePeerId);
        if (!isLeft)
        {
            if (link.Undelivered > 0) view.Show(new ChatEvent.Failed(end.Error, string.Create(CultureInfo.InvariantCulture, $"{link.Label}: {link.Undelivered} of your messages may not have been delivered.")));
        }
        else if (!_closing.IsCancellationRequested || link.Undelivered > 0)
        {
            view.Show(new ChatEvent.Left(link.Label, end.Error, end.Text, link.Undelivered));
        }

        Announce();

        void ShowPath(ConnectionPath path) => view.Show(new ChatEvent.Path(link.Label, path));
    }

    private void Announce() => Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var connection = await node.AcceptAsync(_closing.Token).ConfigureAwait(false);
                if (_keeper is { IsFull: true }) await connection.CloseAsync(TooMany, $"A mesh has at most {RoomMesh.MaxPeers} peers.").ConfigureAwait(false);
                else Add(connection);
            }
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // The node, or the chat, is at its end.
        }
    }

    private async Task TakeCallsAsync()
    {
        try
        {
            while (true)
            {
                var call = await node.AcceptCallAsync(_closing.Token).ConfigureAwait(false);
                var answering = settings.OpensToRoom ? JudgeAsync(call) : TakeAsync(call); // not under the lock: it shows something
                lock (_gate) _running.Add(answering);
            }
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // As above.
        }
    }

    /// <summary>Being in the room is enough to be let in; of others a person is asked, or in a pipe those who are known are let in.</summary>
    private async Task JudgeAsync(IncomingCall call)
    {
        try
        {
            bool isIn = _keeper is { IsFull: false } && await _keeper.HoldsAsync(call.PeerId, _closing.Token).ConfigureAwait(false);
            if (!isIn && settings.IsInteractive) await TakeAsync(call).ConfigureAwait(false);
            else await AnswerAsync(call, isIn || node.Options.Allowed.Contains(call.PeerId)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The chat ends.
        }
    }

    /// <summary>Has the person answer a call.</summary>
    private async Task TakeAsync(IncomingCall call)
    {
        string label = call.Name is { } name && PeerName.IsValid(name) ? PeerName.Normalize(name) : call.PeerId.Short;
        lock (_gate) _calls.Add((label, call));
        view.Show(new ChatEvent.Incoming(label, call.PeerId));
        await call.Ended.WaitAsync(_closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // it never faults: the chat ends
        bool waited;
        lock (_gate) waited = _calls.RemoveAll(one => one.Call == call) > 0;
        if (waited && !_closing.IsCancellationRequested) view.Show(new ChatEvent.CallEnded(label));
    }

    private void HandleServer(object? sender, ServerState state)
    {
        bool isNews = state.IsRegistered || !_isServerLost; // what comes of each new attempt is none
        _isServerLost = !state.IsRegistered;
        if (state.IsRegistered)
        {
            view.Show(new ChatEvent.Registered(node.Name, node.Id));
            if (_keeper is not null) _ = _keeper.ListAsync(_closing.Token);
        }
        else if (state.WillRetry && isNews) view.Show(new ChatEvent.ServerLost(state.Text));
        else if (!state.WillRetry && state.Error is { } error) Lost.TrySetException(new PeerException(error, state.Text));
    }
}
