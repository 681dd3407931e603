using System.Collections.Immutable;
using System.Threading.Channels;
using Porthole.Protocol;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;
using Porthole.Runtime;

namespace Porthole;

/// <summary>
/// An encrypted connection to a peer: streams and datagrams over the best path there is. The path may change at any time, with nothing lost and nothing doubled;
/// the connection is the same.
/// </summary>
public sealed partial class PeerConnection : IStreamOwner, IAsyncDisposable
{
    /// <summary>The longest datagram, in bytes: what fits into the smallest packet of any path.</summary>
    public const int MaxDatagram = 1_024;

    /// <summary>The greatest code of a close or of a stream that is given up: what the wire can hold (RFC 9000 section 16).</summary>
    public const long MaxCode = (1L << 62) - 1;

    /// <summary>The longest reason of a close, in characters; the rest is cut off.</summary>
    public const int MaxReason = 200;

    /// <summary>Datagrams that wait for the program: a megabyte, or a fifth of a second at 5,000 a second. Beyond that the oldest are lost, as they would be on the network.</summary>
    private const int MaxWaitingDatagrams = 1_024;

    /// <summary>Streams of the peer that wait for the program, if no more may be open. A session limits those that are open, not those that a peer opens and gives up again.</summary>
    private const int MaxWaitingStreams = 1_024;

    /// <summary>How long <see cref="CloseAsync"/> waits for the machine, which answers at once.</summary>
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(5);

    private readonly PeerNode _node;
    private readonly Channel<PeerStream> _incoming;
    private readonly Channel<SessionEvent.DatagramReceived> _datagrams = Channel.CreateBounded<SessionEvent.DatagramReceived>(
        new BoundedChannelOptions(MaxWaitingDatagrams) { FullMode = BoundedChannelFullMode.DropOldest }, static lost => lost.Recycle());

    private readonly DatagramOutbox _outbox = new();

    private readonly TaskCompletionSource<ConnectionEnd> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _confirmed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private static readonly Action<PeerMachine, Instant, object?> s_sendDatagrams = SendDatagrams;

    private int _disposed;

    internal PeerConnection(PeerNode node, ConnectionHandle handle, bool isIncoming)
    {
        (_node, Handle, IsIncoming) = (node, handle, isIncoming);
        _incoming = Channel.CreateBounded<PeerStream>(Math.Max(MaxWaitingStreams, node.Options.Session.MaxIncomingStreams));
    }

    /// <summary>Raised when the connection has moved to another path; in order, not on the machine's thread.</summary>
    public event EventHandler<ConnectionPath>? PathChanged;

    /// <summary>
    /// Raised when there is more to say about why the path is what it is: a punch was decided, a path died; in order, not on the machine's thread. A connection that stays
    /// on the relay tries again and again, and each time says what it found, often the same.
    /// </summary>
    public event EventHandler<PathVerdict>? VerdictChanged;

    /// <summary>The number of the connection in its node, as events of <see cref="PeerOptions.Observer"/> name it.</summary>
    public ConnectionHandle Handle { get; }

    /// <summary>Whether the peer called, or came second to a meeting: one of the two sides of a connection has it true, and one false.</summary>
    public bool IsIncoming { get; private set; }

    /// <summary>Whether anything says whose key the peer's is: what was dialled, what was known, or a common code. False for a stranger of a lobby, who may be anybody.</summary>
    public bool IsAuthenticated { get; private set; } = true;

    /// <summary>The peer's key, which it has proved.</summary>
    public PublicKey RemoteKey { get; private set; } = null!;

    /// <summary>The peer's id.</summary>
    public PeerId RemotePeerId => RemoteKey.PeerId;

    /// <summary>The name that was dialled, or that the caller goes by at the server; null for none.</summary>
    public string? RemoteName { get; private set; }

    /// <summary>The path that is used now.</summary>
    public ConnectionPath Path { get; private set; } = new(PathKind.Relay, null, null, null);

    /// <summary>Why it is that path: in a sentence, in one word for programs, with what both sides know of their NATs, what was tried, and what could be changed.</summary>
    public PathVerdict Verdict { get; private set; } = PathVerdict.Pending;

    /// <summary>Completes with the first sealed round trip; is cancelled when the connection ends before.</summary>
    public Task Confirmed => _confirmed.Task;

    /// <summary>Completes when the connection is over, and says how. It never faults.</summary>
    public Task<ConnectionEnd> Closed => _closed.Task;

    /// <summary>Which run of the peer's program it is, as the server says.</summary>
    internal InstanceId RemoteInstance { get; private set; }

    /// <summary>How messages name the peer.</summary>
    internal string RemoteLabel => RemoteName ?? RemoteKey?.PeerId.Short ?? "the peer";

    string IStreamOwner.RemoteLabel => RemoteLabel;

    PathKind IStreamOwner.PathKind => Path.Kind;

    /// <summary>Opens a stream. The peer hears of it with the first byte.</summary>
    /// <exception cref="PeerException">The connection is over.</exception>
    public async ValueTask<PeerStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var available = Volatile.Read(ref _streamsAvailable); // before asking: what is announced after is not missed
            if (_closed.Task.IsCompleted) throw EndException();
            if (await _node.InvokeAsync(TryOpenStream).ConfigureAwait(false) is { } stream) return stream;
            await Task.WhenAny(available.Task, _closed.Task).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Opens a stream and says on it which protocol is to be spoken, which the peer reads with <see cref="PeerStream.ReadProtocolAsync"/>.</summary>
    /// <param name="protocol">The protocol's name: 1 to 64 letters, digits, '-', '_', '.' and '/', with a version, as in <c>example-game/1</c>.</param>
    /// <param name="cancellationToken">Ends the wait for a free stream.</param>
    /// <exception cref="ArgumentException">It is no name.</exception>
    /// <exception cref="PeerException">The connection is over.</exception>
    public async ValueTask<PeerStream> OpenStreamAsync(string protocol, CancellationToken cancellationToken = default)
    {
        byte[] preamble = StreamPreamble.Write(protocol);
        var stream = await OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        await stream.WriteAsync(preamble, CancellationToken.None).ConfigureAwait(false); // a new stream has room for it; giving up in between would leave it open for ever
        return stream;
    }

    /// <summary>Waits for a stream that the peer opens.</summary>
    /// <exception cref="PeerException">The connection is over and every stream was taken.</exception>
    public async ValueTask<PeerStream> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _incoming.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw EndException();
        }
    }

    /// <summary>Sends a datagram: at once or never, in any order, possibly lost, never doubled.</summary>
    /// <param name="data">1 to <see cref="MaxDatagram"/> bytes; borrowed until the call returns.</param>
    /// <exception cref="ArgumentException">It is empty or too long.</exception>
    /// <exception cref="PeerException">The connection is over.</exception>
    public void SendDatagram(ReadOnlySpan<byte> data)
    {
        if (data.Length is 0 or > MaxDatagram) throw new ArgumentException($"A datagram has 1 to {MaxDatagram} bytes.", nameof(data));
        if (_closed.Task.IsCompleted) throw EndException();
        if (_outbox.Add(data)) _node.Post(s_sendDatagrams, this);
    }

    /// <summary>Waits for a datagram of the peer.</summary>
    /// <exception cref="PeerException">The connection is over and every datagram was taken.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReceiveDatagramAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return (await _datagrams.Reader.ReadAsync(cancellationToken).ConfigureAwait(false)).Data;
        }
        catch (ChannelClosedException)
        {
            throw EndException();
        }
    }

    /// <summary>Waits for a datagram of the peer and copies it, so that thousands of them in a second leave no garbage.</summary>
    /// <param name="buffer">Where it goes; with less than <see cref="MaxDatagram"/> bytes the rest of a long one is cut off.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How many bytes were copied.</returns>
    /// <exception cref="PeerException">The connection is over and every datagram was taken.</exception>
    public async ValueTask<int> ReceiveDatagramAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            var received = await _datagrams.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            int count = Math.Min(received.Data.Length, buffer.Length);
            received.Data[..count].CopyTo(buffer);
            received.Recycle();
            return count;
        }
        catch (ChannelClosedException)
        {
            throw EndException();
        }
    }

    /// <summary>Waits until bytes go from peer to peer.</summary>
    /// <param name="timeout">How long to wait at most; <see cref="Timeout.InfiniteTimeSpan"/> for as long as the connection lives.</param>
    /// <param name="cancellationToken">Ends the wait; the connection goes on.</param>
    /// <returns>The direct path.</returns>
    /// <exception cref="PeerException">
    /// <see cref="PeerError.NoDirectPath"/> or <see cref="PeerError.UdpBlocked"/>: none came up in time, and the message says why; the connection goes on over the
    /// relay. Other errors: the connection is over.
    /// </exception>
    public async Task<ConnectionPath> WaitForDirectAsync(TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        using var late = new CancellationTokenSource(timeout, _node.Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        while (true)
        {
            var changed = Volatile.Read(ref _pathChanged); // before looking: a change after the look completes it
            if (Path is { IsDirect: true } direct) return direct;
            if (_closed.Task.IsCompleted) throw EndException();
            try
            {
                await changed.Task.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Verdict = await _node.InvokeAsync((machine, _) => machine.GetVerdict(Handle)).ConfigureAwait(false);
                var error = Verdict.Reason is VerdictReason.UdpBlockedHere or VerdictReason.UdpBlockedThere or VerdictReason.UdpBlockedBoth ? PeerError.UdpBlocked : PeerError.NoDirectPath;
                throw new PeerException(error, $"No direct path to {RemoteLabel} within {timeout.TotalSeconds:0.###} s: {Verdict.Sentence} {Verdict.Advice}".TrimEnd());
            }
        }
    }

    /// <summary>What the connection looks like now, or looked like at its end, in numbers.</summary>
    /// <exception cref="PeerException">The node was closed.</exception>
    public Task<ConnectionReport> GetReportAsync() => _node.InvokeAsync((machine, _) => new ConnectionReport(
        Path,
        machine.GetVerdict(Handle),
        [.. machine.GetPaths(Handle)],
        machine.GetStatistics(Handle),
        machine.GetHandshakeHash(Handle).ToArray()));

    /// <summary>The STUN ports of the node's server.</summary>
    /// <exception cref="PeerException">The node is closed.</exception>
    internal Task<ImmutableArray<TransportAddress>> GetStunServersAsync() => _node.InvokeAsync(static (machine, _) => machine.StunServers);

    /// <summary>Whether addresses of local networks are told to nobody.</summary>
    internal bool HidesLan => _node.Options.HideLan;

    /// <summary>
    /// Writes the peer down among <see cref="PeerOptions.KnownPeers"/>, which happens by itself but for callers where <see cref="PeerOptions.RemembersCallers"/> is false:
    /// those, when the program has found out that they are welcome.
    /// </summary>
    /// <exception cref="InvalidOperationException">Nothing says whose key the peer's is (<see cref="IsAuthenticated"/>).</exception>
    public void Remember()
    {
        if (!IsAuthenticated) throw new InvalidOperationException("Nothing says who this peer is: it cannot be remembered.");
        _node.Post((_, _) => _node.Remember(this));
    }

    /// <summary>
    /// Ends the connection for both sides. What the peer has not read yet may be lost: complete the streams and read them to their end first.
    /// </summary>
    /// <param name="code">The program's reason as a number, 0 to 2^62 - 1, which the peer sees.</param>
    /// <param name="reason">The reason in words, which the peer sees; cut off after <see cref="MaxReason"/> characters.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is none.</exception>
    public async Task CloseAsync(long code = 0, string reason = "")
    {
        ArgumentOutOfRangeException.ThrowIfNegative(code);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, MaxCode);
        ArgumentNullException.ThrowIfNull(reason);
        string words = reason.Length <= MaxReason ? reason : reason[..MaxReason];
        if (_node.Post((machine, now) => machine.Close(now, Handle, (ulong)code, words)))
        {
            await Task.WhenAny(_closed.Task, Task.Delay(s_closeTimeout, _node.Options.TimeProvider)).ConfigureAwait(false);
        }

        HandleClosed(new ConnectionEnd(PeerError.Closed, code, words));
    }

    /// <summary>Ends the connection, if that has not happened yet.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0 && !_closed.Task.IsCompleted) await CloseAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Handle} to {RemoteLabel} ({Path.Kind})";

    async Task<PeerException> IStreamOwner.EndAsync(CancellationToken cancellationToken)
    {
        await _closed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return EndException();
    }

    /// <summary>What whoever waits on a connection that is over is told.</summary>
    internal PeerException EndException()
    {
        var end = _closed.Task.IsCompletedSuccessfully ? _closed.Task.Result : new ConnectionEnd(PeerError.Closed, 0, string.Empty);
        string message = end.Error switch
        {
            PeerError.ClosedByPeer => end.Text.Length > 0 ? $"{RemoteLabel} closed the connection: {end.Text}" : $"{RemoteLabel} closed the connection.",
            PeerError.Closed => end.Text.Length > 0 ? $"The connection was closed here: {end.Text}" : "The connection was closed here.",
            _ => end.Text,
        };
        return new PeerException(end.Error, message) { Code = end.Code };
    }
}
