using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Chat;

/// <summary>
/// The chat with one peer: one stream of its connection, which the caller opens. Messages are numbered, and each is acknowledged when it has been shown. Files come and go on
/// streams of their own.
/// </summary>
/// <param name="label">How the chat calls the peer.</param>
/// <param name="connection">The connection.</param>
/// <param name="view">Where messages are shown.</param>
/// <param name="files">The files of the chat.</param>
/// <param name="links">The connections of the chat, this one among them.</param>
internal sealed class ChatLink(string label, PeerConnection connection, IChatView view, ChatFiles files, ChatLinks links)
{
    /// <summary>Messages that wait for the stream; a peer that is further behind is waited for, or gets no more until it catches up.</summary>
    private const int MaxWaiting = 64;

    /// <summary>Messages that were shown and are not acknowledged, because the peer does not read. One that goes on sending is not to fill this side's memory.</summary>
    private const int MaxOwed = 4_096;

    /// <summary>The close code of a chat that meets something else.</summary>
    private const long NotAChat = 1;

    /// <summary>The code of a stream that is given up: nothing that is known is spoken on it, or there are too many.</summary>
    private const long NotTaken = 1;

    /// <summary>How long the peer may take to open the stream, or to say hello.</summary>
    private static readonly TimeSpan s_helloPatience = TimeSpan.FromSeconds(20);

    /// <summary>How long the messages of a new connection wait until those on the one before it have arrived. One that is dead holds nobody up for longer.</summary>
    private static readonly TimeSpan s_orderPatience = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly Channel<byte[]> _outgoing = Channel.CreateBounded<byte[]>(MaxWaiting);
    private readonly ConcurrentDictionary<ulong, long> _unacknowledged = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _settled;
    private TaskCompletionSource? _transferred;
    private volatile Task _before = Task.CompletedTask;
    private volatile bool _isBehind;
    private int _owed;
    private int _transfers;
    private bool _hasSaidLast;
    private bool _hasHeardLast;

    /// <summary>How the chat calls the peer.</summary>
    public string Label { get; } = label;

    public PeerConnection Connection { get; } = connection;

    /// <summary>What the person was told last of the path; null before the first word.</summary>
    public PathVerdict? Verdict { get; set; }

    /// <summary>Completes when both sides have said hello; is cancelled if that does not happen.</summary>
    public Task Ready => _ready.Task;

    /// <summary>What runs there in place of a chat, as far as it shows: why there was none; null otherwise.</summary>
    public PeerException? Misfit { get; private set; }

    /// <summary>Whether both sides have said hello; <see cref="ChatLinks"/> notes it.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Whether nothing more is said here.</summary>
    public bool IsRetired { get; private set; }

    /// <summary>Whether another connection to the same program took its place; <see cref="ChatLinks"/> notes it.</summary>
    public bool IsReplaced { get; set; }

    /// <summary>Messages that the peer has not acknowledged.</summary>
    public int Undelivered => _unacknowledged.Count;

    /// <summary>Chats until the connection is over.</summary>
    public async Task RunAsync()
    {
        try
        {
            using var late = new CancellationTokenSource(s_helloPatience);
            var stream = Connection.IsIncoming
                ? await Connection.AcceptStreamAsync(late.Token).ConfigureAwait(false)
                : await Connection.OpenStreamAsync(late.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false)) await ChatAsync(stream, late.Token).ConfigureAwait(false);
        }
        catch (PeerException exception) when (exception.Error == PeerError.StreamAborted && !_ready.Task.IsCompleted)
        {
            await DeclineAsync().ConfigureAwait(false); // what runs there gives up streams that it does not know
        }
        catch (PeerException)
        {
            // The connection is over; its end says why.
        }
        catch (OperationCanceledException)
        {
            await Connection.CloseAsync(NotAChat, "The chat did not begin: no hello came.").ConfigureAwait(false);
        }
        finally
        {
            _outgoing.Writer.TryComplete();
            if (!Connection.Closed.IsCompleted) await Connection.CloseAsync().ConfigureAwait(false);
            _ready.TrySetCanceled(); // whoever waits for it finds the end
            Settle(force: true);
        }
    }

    /// <summary>Hands a message to the connection.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="text">Its text.</param>
    /// <param name="patience">How long a peer that is behind is waited for; one that was waited for in vain is not, until it has caught up.</param>
    /// <returns>False when the peer is too far behind, or gone.</returns>
    public async Task<bool> SendAsync(ulong number, string text, TimeSpan patience)
    {
        if (Connection.Closed.IsCompleted) return false;
        byte[] frame = new ChatFrame.Message(number, text).ToBytes();
        using var late = new CancellationTokenSource();
        Task writing;
        lock (_gate)
        {
            if (IsRetired) return false;
            _unacknowledged[number] = Stopwatch.GetTimestamp();
            writing = _outgoing.Writer.WriteAsync(frame, late.Token).AsTask(); // begun here, it is before the last message
        }

        late.CancelAfter(_isBehind ? TimeSpan.Zero : patience);
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _isBehind = !writing.IsCompletedSuccessfully;
        if (!_isBehind) return true;
        _unacknowledged.TryRemove(number, out _);
        Settle(force: false);
        EndIfRetired();
        return false;
    }

    /// <summary>
    /// Says nothing more here: another connection to the same program carries the chat. This one ends when the other side has said its last message too, everything on it was shown, and
    /// no file is on its way.
    /// </summary>
    public void Retire()
    {
        lock (_gate)
        {
            if (IsRetired) return;
            IsRetired = true;
        }

        _ = SayLastAsync();
    }

    /// <summary>Lets the messages here wait a while for those on other connections to the same program, so that they are shown in order.</summary>
    public void Follow(IEnumerable<ChatLink> others)
    {
        var delivered = Task.WhenAll(others.Where(other => other != this && other.Undelivered > 0).Select(static other => other.WaitDeliveredAsync(CancellationToken.None)));
        _before = Task.WhenAny(delivered, Task.Delay(s_orderPatience));
    }

    /// <summary>Files go over the connection; <see cref="EndTransfer"/> follows.</summary>
    public void BeginTransfer()
    {
        lock (_gate) _transfers++;
    }

    /// <summary>They are over.</summary>
    public void EndTransfer()
    {
        lock (_gate)
        {
            if (--_transfers == 0) _transferred?.TrySetResult();
        }

        EndIfRetired();
    }

    /// <summary>Waits until every message is acknowledged, or can never be.</summary>
    public async Task WaitDeliveredAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource settled;
        lock (_gate) settled = _settled ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Settle(force: Connection.Closed.IsCompleted);
        await settled.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task ChatAsync(PeerStream stream, CancellationToken helloToken)
    {
        await stream.WriteAsync(new ChatFrame.Hello().ToBytes(), helloToken).ConfigureAwait(false);
        if (await ReadAsync(stream, helloToken).ConfigureAwait(false) is not ChatFrame.Hello)
        {
            await DeclineAsync().ConfigureAwait(false);
            return;
        }

        links.Begin(this); // before anything else hears of it: what is said from now on goes over this connection
        _ready.TrySetResult();
        var writing = WriteAsync(stream);
        using var over = new CancellationTokenSource();
        var serving = ServeStreamsAsync(over.Token);
        try
        {
            while (await ReadAsync(stream, CancellationToken.None).ConfigureAwait(false) is { } frame)
            {
                Handle(frame);
                if (Volatile.Read(ref _owed) > MaxOwed) await Connection.CloseAsync(NotAChat, "The peer sends and does not read.").ConfigureAwait(false);
            }

            if (IsRetired) await WaitTransferredAsync().ConfigureAwait(false); // what the other side is done with may have a last step to take here
        }
        finally
        {
            _outgoing.Writer.TryComplete();
            await Task.WhenAny(writing, Task.Delay(s_helloPatience, CancellationToken.None)).ConfigureAwait(false); // a peer that does not read holds nobody up
            await over.CancelAsync().ConfigureAwait(false);
            await serving.ConfigureAwait(false);
        }
    }

    private Task DeclineAsync()
    {
        Misfit = new PeerException(PeerError.ProtocolViolation, $"{Label} runs something else than 'porthole chat'.");
        return Connection.CloseAsync(NotAChat, "This peer runs 'porthole chat', which takes part in chats only.");
    }

    /// <summary>Takes the other streams that the peer opens.</summary>
    private async Task ServeStreamsAsync(CancellationToken cancellationToken)
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var stream = await Connection.AcceptStreamAsync(cancellationToken).ConfigureAwait(false);
                serving.RemoveAll(static one => one.IsCompleted);
                if (serving.Count < ChatFiles.MaxIncoming) serving.Add(ServeAsync(stream, cancellationToken));
                else stream.Abort(NotTaken);
            }
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            await Task.WhenAll(serving).ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        try
        {
            using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            late.CancelAfter(s_helloPatience);
            if (await stream.ReadProtocolAsync(late.Token).ConfigureAwait(false) == StreamPreamble.Files) await files.ReceiveAsync(this, stream, cancellationToken).ConfigureAwait(false);
            else stream.Abort(NotTaken);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            stream.Abort(NotTaken); // it said nothing in time, or is over
        }
    }

    private void Handle(ChatFrame frame)
    {
        switch (frame)
        {
            case ChatFrame.Message message:
                view.Show(new ChatEvent.Message(Label, message.Text, Connection.Path.Kind));
                _ = AcknowledgeAsync(message.Number);
                break;
            case ChatFrame.Delivered delivered:
                if (!_unacknowledged.TryGetValue(delivered.Number, out long at)) break;
                view.Show(new ChatEvent.Delivered(Label, delivered.Number, Stopwatch.GetElapsedTime(at), Connection.Path.Kind));
                _unacknowledged.TryRemove(delivered.Number, out _); // now that it is told: whoever waits for the last one may end the program
                Settle(force: false);
                EndIfRetired();
                break;
            case ChatFrame.Last:
                lock (_gate) _hasHeardLast = true;
                links.Retire(this);
                EndIfRetired();
                break;
            case ChatFrame.Hello or ChatFrame.Unknown:
                break;
        }
    }

    private async Task AcknowledgeAsync(ulong number)
    {
        Interlocked.Increment(ref _owed);
        try
        {
            await _outgoing.Writer.WriteAsync(new ChatFrame.Delivered(number).ToBytes()).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // Nobody is there to be told.
        }
        finally
        {
            Interlocked.Decrement(ref _owed);
            EndIfRetired();
        }
    }

    private async Task SayLastAsync()
    {
        try
        {
            await _outgoing.Writer.WriteAsync(new ChatFrame.Last().ToBytes()).ConfigureAwait(false);
            lock (_gate) _hasSaidLast = true;
            EndIfRetired();
        }
        catch (ChannelClosedException)
        {
            // It is over already.
        }
    }

    private Task WaitTransferredAsync()
    {
        lock (_gate)
        {
            if (_transfers == 0) return Task.CompletedTask;
            _transferred = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _transferred.Task;
        }
    }

    private void EndIfRetired()
    {
        lock (_gate)
        {
            if (!_hasSaidLast || !_hasHeardLast || !_unacknowledged.IsEmpty || Volatile.Read(ref _owed) > 0 || _transfers > 0) return;
        }

        _outgoing.Writer.TryComplete();
    }

    private async Task WriteAsync(PeerStream stream)
    {
        try
        {
            await foreach (byte[] frame in _outgoing.Reader.ReadAllAsync().ConfigureAwait(false))
            {
                if (ChatFrame.IsMessage(frame)) await _before.ConfigureAwait(false);
                await stream.WriteAsync(frame).ConfigureAwait(false);
            }

            if (IsRetired) stream.CompleteWrites(); // the other side reads to the end, and closes
        }
        catch (PeerException)
        {
            // The reader meets the same end.
        }
    }

    /// <summary>Reads a frame.</summary>
    /// <returns>Null at the end of the stream, or when what comes is no chat.</returns>
    private static async Task<ChatFrame?> ReadAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] header = new byte[ChatFrame.HeaderSize];
        if (await stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < header.Length) return null;
        if (!ChatFrame.TryReadHeader(header, out byte type, out int length)) return null;
        byte[] body = new byte[length];
        if (await stream.ReadAtLeastAsync(body, length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < length) return null;
        return ChatFrame.TryRead(type, body, out var frame) ? frame : null;
    }

    private void Settle(bool force)
    {
        if (!force && !_unacknowledged.IsEmpty) return;
        lock (_gate)
        {
            _settled?.TrySetResult();
            _settled = null;
        }
    }
}
