using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Porthole.Diagnostics;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.PortMapping;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole;

/// <summary>
/// This program as a peer: registered at a rendezvous server, it calls others and is called, whatever NATs stand between them. Members may be used from any
/// thread.
/// </summary>
public sealed partial class PeerNode : IAsyncDisposable
{
    /// <summary>Connections and calls that wait for the program; more are turned away.</summary>
    private const int Backlog = 64;

    /// <summary>How long the server may take to answer a question.</summary>
    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(10);

    private readonly MachineHost<PeerMachine> _host;
    private readonly ILogger _logger;
    private readonly IdentityKey _identity;
    private readonly KnownPeers _knownPeers;
    private readonly KnownServers _knownServers;
    private readonly EventQueue _events;
    private readonly Channel<PeerConnection> _accepted = Channel.CreateBounded<PeerConnection>(Backlog);
    private readonly Channel<IncomingCall> _calls = Channel.CreateBounded<IncomingCall>(Backlog);
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;
    private volatile bool _hasLeft;

    private PeerNode(PeerOptions options, IdentityKey identity, KnownPeers knownPeers, KnownServers knownServers)
    {
        (Options, _identity, _knownPeers, _knownServers) = (options, identity, knownPeers, knownServers);
        _logger = options.LoggerFactory.CreateLogger("Porthole");
        Streams = new StreamRouter(this, _logger);
        Connections = new ConnectionPool(this);
        _events = new EventQueue(exception => PeerLog.HandlerFailed(_logger, exception));
        ServerKey = knownServers.Find(options.Server);
        var machine = new PeerMachine(NodeSetup.MachineOptions(options, identity, ServerKey, knownPeers, knownPeers.At(() => ServerKey?.PeerId ?? PeerId.Unknown)), OperatingSystemEntropy.Instance);
        _host = new MachineHost<PeerMachine>(machine, NodeSetup.Network(options), new InstantClock(options.TimeProvider), TakeEvents, _logger);
        _started.Task.See();
        _natReported.Task.See();
        _ = WatchHostAsync();
    }

    /// <summary>Raised when another peer comes or goes, as far as the presence mode lets this one see it; in order, not on the machine's thread.</summary>
    public event EventHandler<PresenceChange>? PresenceChanged;

    /// <summary>Raised when the registration is lost or stands again; in order, not on the machine's thread.</summary>
    public event EventHandler<ServerState>? ServerChanged;

    /// <summary>This peer's id.</summary>
    public PeerId Id => _identity.PeerId;

    /// <summary>This peer's key.</summary>
    public PublicKey Key => _identity.PublicKey;

    /// <summary>The name this peer holds at the server; null for none.</summary>
    public string? Name { get; private set; }

    /// <summary>The server's key: pinned, known, or learned at first contact; null before that.</summary>
    public PublicKey? ServerKey { get; private set; }

    /// <summary>How the node stands with its server.</summary>
    public ServerState Server { get; private set; } = new(false, null, "Connecting to the server.", true);

    /// <summary>What was found out about the NATs in front of this host; null before the first answer.</summary>
    public NatReport? Nat { get; private set; }

    /// <summary>The ports that gateways map for this peer.</summary>
    public ImmutableArray<MappedPort> MappedPorts { get; private set; } = [];

    /// <summary>Why a gateway maps nothing, in one line for a person; null while none was asked, or there is nothing to say.</summary>
    public string? PortMappingProblem { get; private set; }

    /// <summary>Serves the streams of peers by the protocols that they name; it takes no connection before <see cref="StreamRouter.Start"/>.</summary>
    public StreamRouter Streams { get; }

    /// <summary>The connections that are shared and called again.</summary>
    internal ConnectionPool Connections { get; }

    /// <summary>What the node was started with.</summary>
    public PeerOptions Options { get; }

    /// <summary>Completes when the node has stopped; faults when it stopped because of a defect.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Starts a peer and registers it.</summary>
    /// <param name="options">Who it is, and where its server is.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <returns>A registered peer.</returns>
    /// <exception cref="ArgumentException">The presence mode needs a room, and none is set.</exception>
    /// <exception cref="PeerException">It could not be registered: the server cannot be reached, the name is taken, a file or port cannot be used, and so on.</exception>
    public static async Task<PeerNode> StartAsync(PeerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options is { Presence: PresenceMode.Room, Room: null }) throw new ArgumentException("Presence is Room: set Room as well.", nameof(options));
        using var timeout = new CancellationTokenSource(options.StartTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        var warm = WarmUp.RunAsync();
        var knownPeers = options.KnownPeers ?? KnownPeers.Open(KnownPeers.DefaultPath);
        var knownServers = options.KnownServers ?? KnownServers.Open(KnownServers.DefaultPath);
        var identity = options.Identity ?? IdentityFile.LoadOrCreate(options.IdentityPath ?? IdentityFile.DefaultPath, OperatingSystemEntropy.Instance);
        var node = new PeerNode(options, identity, knownPeers, knownServers);
        try
        {
            node.Post(static (machine, now) => machine.Start(now));
            await node._started.Task.WaitAsync(either.Token).ConfigureAwait(false);
            await warm.WaitAsync(either.Token).ConfigureAwait(false);
            return node;
        }
        catch (Exception exception)
        {
            await node.DisposeAsync().ConfigureAwait(false);
            if (exception is not OperationCanceledException) throw;
            cancellationToken.ThrowIfCancellationRequested();
            throw new PeerException(
                PeerError.TimedOut,
                $"The peer was not registered within {options.StartTimeout.TotalSeconds:0.###} s: {options.Server.Uri.Authority} answers too slowly. Check the network and try again.");
        }
    }

    /// <summary>Connects to a peer.</summary>
    /// <param name="target">A name, a name with the id it must have (<c>bob@PEERID</c>), or an id.</param>
    /// <param name="cancellationToken">Takes the call back.</param>
    /// <returns>The connection, as soon as the peer has proved its key: at first over the relay, directly as soon as there is a direct path.</returns>
    /// <exception cref="PeerException">There is no such peer, it is offline or refuses, its key has changed, and so on.</exception>
    public async Task<PeerConnection> ConnectAsync(string target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (!PeerTarget.TryParse(target, out var parsed)) throw NoPeer(target);
        return await ConnectAsync(parsed, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="ConnectAsync(string, CancellationToken)"/>
    public async Task<PeerConnection> ConnectAsync(PeerTarget target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        ThrowIfStopped();
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfLeft();
        if (target.Name is { } name ? !PeerName.IsValid(name) : target.Id is null) throw NoPeer(target.ToString());
        _knownPeers.Refresh(); // another process may have met the peer
        if (IsSelf(target)) throw new PeerException(PeerError.BadRequest, $"'{target}' is this peer itself. Use another name and identity file for one of the two.");
        return await OpenAsync((machine, now) => machine.Connect(now, target), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Meets whoever comes to the same server with the same code: who comes first waits (up to the server's limit, ten minutes by default), who comes second
    /// completes the pair. With <see cref="PeerOptions.Observer"/> a program sees <see cref="PeerEvent.Waiting"/>, and the other side's addresses in
    /// <see cref="PeerEvent.Introduced"/>.
    /// </summary>
    /// <param name="code">
    /// The code that both sides hold: one draws it (<see cref="PairingCode.Create"/>) and tells it the other. It works once, and three who come with a wrong secret part burn it. Null for the server's lobby, where nobody proves
    /// anything: <see cref="PeerConnection.IsAuthenticated"/> is false, and the peer is not remembered.
    /// </param>
    /// <param name="cancellationToken">Takes it back.</param>
    /// <returns>The connection, as soon as both sides have shown each other that they hold the code.</returns>
    /// <exception cref="PeerException">
    /// <see cref="PeerError.WrongCode"/>: the other side has another secret part, or the code is used up or burnt; <see cref="PeerError.TimedOut"/>: nobody
    /// came; <see cref="PeerError.Refused"/>: the server has no lobby; and so on.
    /// </exception>
    public async Task<PeerConnection> MeetAsync(PairingCode? code = null, CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        ThrowIfLeft();
        cancellationToken.ThrowIfCancellationRequested();
        var key = code is null ? null : await Task.Run(code.DeriveKey, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false); // a tenth of a second of a processor
        return await OpenAsync((machine, now) => machine.Meet(now, key), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Leaves the server for good, once it is not needed any more: connections on direct paths go on and ask nothing of it. What goes over the relay ends, a
    /// path that is lost is not found again, and no new connections are made.
    /// </summary>
    /// <exception cref="PeerException">The node was closed.</exception>
    public async Task LeaveServerAsync()
    {
        ThrowIfStopped();
        _hasLeft = true;
        await InvokeAsync(static (machine, now) =>
        {
            machine.LeaveServer(now);
            return true;
        }).ConfigureAwait(false);
    }

    /// <summary>Asks the machine for a connection, and waits for it.</summary>
    private async Task<PeerConnection> OpenAsync(Func<PeerMachine, Instant, ConnectionHandle> ask, CancellationToken cancellationToken)
    {
        using var activity = PeerActivity.StartConnect();
        long began = Options.TimeProvider.GetTimestamp();
        var opened = new TaskCompletionSource<PeerConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        PeerConnection? made = null;
        bool posted = Post((machine, now) =>
        {
            var handle = ask(machine, now);
            made = new PeerConnection(this, handle, isIncoming: false);
            _connections[handle] = new Entry(made, opened, began);
        });
        if (!posted) throw ClosedException();
        try
        {
            await Task.WhenAny(opened.Task, _stopped.Task).WaitAsync(cancellationToken).ConfigureAwait(false); // a node that ends because of a defect may not get to the call
            var connection = opened.Task.IsCompleted ? await opened.Task.ConfigureAwait(false) : throw ClosedException();
            PeerActivity.Succeed(activity, connection);
            return connection;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Post((machine, now) =>
            {
                if (made is not null) machine.Close(now, made.Handle, 0, string.Empty);
            });
            PeerActivity.Fail(activity, "canceled");
            throw;
        }
        catch (PeerException exception)
        {
            PeerMetrics.ConnectFailed(exception.Error);
            PeerActivity.Fail(activity, exception.Message);
            throw;
        }
    }

    /// <summary>
    /// Lets a peer in without a question from now on, where the accept policy is <see cref="AcceptPolicy.Known"/> or <see cref="AcceptPolicy.Ask"/>: one that was met by
    /// a code, say, and may call again. Returns when the server knows it, so that a call which comes after is not turned away.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="cancellationToken">Ends the wait; the peer is let in all the same.</param>
    /// <exception cref="PeerException"><see cref="PeerError.LimitReached"/>: as many peers are listed as a server takes; or the node was closed.</exception>
    public async Task AllowAsync(PeerId peer, CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isAllowed = await InvokeAsync((machine, now) =>
        {
            if (!machine.TryAllow(now, peer)) return false;
            taken.Task.See();
            _allowing.Add(taken); // before the machine's events are taken
            return true;
        }).ConfigureAwait(false);
        if (!isAllowed) throw new PeerException(PeerError.LimitReached, $"{RendezvousLimits.MaxListedPeers} peers are let in already, and a server takes no more.");
        await taken.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for a connection that another peer makes and the accept policy lets in.</summary>
    /// <exception cref="PeerException">The node was closed.</exception>
    public async ValueTask<PeerConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _accepted.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw ClosedException();
        }
    }

    /// <summary>Waits for a call that must be answered, where the accept policy is <see cref="AcceptPolicy.Ask"/>.</summary>
    /// <exception cref="PeerException">The node was closed.</exception>
    public async ValueTask<IncomingCall> AcceptCallAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _calls.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw ClosedException();
        }
    }

    /// <summary>Asks the server who is online and may be seen.</summary>
    /// <exception cref="PeerException">The server does not answer, or the node was closed.</exception>
    public async Task<ImmutableArray<PeerInfo>> GetPeersAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        cancellationToken.ThrowIfCancellationRequested();
        var answer = new TaskCompletionSource<ImmutableArray<PeerInfo>>(TaskCreationOptions.RunContinuationsAsynchronously);
        answer.Task.See();
        bool posted = Post((machine, now) =>
        {
            _peersAsked.Add(answer);
            machine.RequestPeers(now);
        });
        if (!posted) throw ClosedException();
        return await WithinAsync(answer.Task, s_answerTimeout, "The server did not say who is online", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until it is found out how the NATs in front of this host behave.</summary>
    /// <exception cref="PeerException">Nothing was found out in time, or the node was closed.</exception>
    public async Task<NatReport> CheckAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        return await WithinAsync(_natReported.Task, s_answerTimeout, "The NAT could not be examined", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a handler for an <see cref="HttpClient"/> that reaches peers by name, <c>http://bob.porthole/</c>; see <see cref="Http.PortholeHttpHandler"/>.</summary>
    public SocketsHttpHandler CreateHttpHandler() => Http.PortholeHttpHandler.Create(this);

    /// <summary>
    /// Tells the peers and the server good-bye, and returns when no thread, loop or socket of the node is left, and the event handlers that were called have returned: a handler must not block until then. May be called more than once.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Post(static (machine, now) => machine.Stop(now, 0, string.Empty));
            await _host.DisposeAsync().ConfigureAwait(false);
        }

        await _stopped.Task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name ?? Id.Short} at {Options.Server}";

    internal bool Post(Action<PeerMachine, Instant> command) => _host.Post(command);

    internal bool Post(Action<PeerMachine, Instant, object?> command, object? state) => _host.Post(command, state);

    internal async Task<TResult> InvokeAsync<TResult>(Func<PeerMachine, Instant, TResult> function)
    {
        try
        {
            return await _host.InvokeAsync(function).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            throw ClosedException();
        }
    }

    internal void Raise(Action action) => _events.Add(action);

    private bool IsSelf(PeerTarget target) =>
        target.Id == Id || (target.Name is { } name && ((Name is not null && PeerName.Normalize(name) == PeerName.Normalize(Name)) || _knownPeers.FindByName(ServerKey?.PeerId ?? PeerId.Unknown, name)?.PeerId == Id));

    private static PeerException NoPeer(string target) =>
        new(PeerError.BadRequest, $"'{target}' is no peer: use a name, a name with its id (bob@ID), or an id of {PeerId.TextLength} letters and digits.");

    private PeerException ClosedException() => _host.Completion is { IsFaulted: true, Exception.InnerException: { } defect }
        ? new PeerException(PeerError.Closed, $"The peer ended because of a defect: {defect.Message}", defect)
        : new PeerException(PeerError.Closed, "The peer was closed here.");

    private void ThrowIfStopped()
    {
        if (_disposed != 0 || _stopped.Task.IsCompleted) throw ClosedException();
    }

    private void ThrowIfLeft()
    {
        if (_hasLeft) throw new PeerException(PeerError.Closed, "The peer has left its server, and makes no new connections. Start another.");
    }

    private async Task<TResult> WithinAsync<TResult>(Task<TResult> task, TimeSpan limit, string failure, CancellationToken cancellationToken)
    {
        try
        {
            return await task.WaitAsync(limit, Options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new PeerException(PeerError.TimedOut, $"{failure} within {limit.TotalSeconds:0.###} s. {Server.Text}");
        }
    }
}
