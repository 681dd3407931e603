using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Porthole.Diagnostics;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
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

    private PeerNode(PeerOptions options, IdentityKey identity, KnownPeers knownPeers, KnownServers knownServers)
    {
        (Options, _identity, _knownPeers, _knownServers) = (options, identity, knownPeers, knownServers);
        _logger = options.LoggerFactory.CreateLogger("Porthole");
        _events = new EventQueue(exception => PeerLog.HandlerFailed(_logger, exception));
        ServerKey = knownServers.Find(options.Server);
        var machine = new PeerMachine(NodeSetup.MachineOptions(options, identity, ServerKey, knownPeers, knownPeers.At(() => ServerKey?.PeerId ?? PeerId.Unknown)), OperatingSystemEntropy.Instance);
        _host = new MachineHost<PeerMachine>(machine, NodeSetup.Network(options), new InstantClock(options.TimeProvider), TakeEvents, _logger);
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

    /// <summary>What the node was started with.</summary>
    public PeerOptions Options { get; }

    /// <summary>Completes when the node has stopped; faults when it stopped because of a defect.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Starts a peer and registers it.</summary>
    /// <param name="options">Who it is, and where its server is.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <returns>A registered peer.</returns>
    /// <exception cref="PeerException">It could not be registered: the server cannot be reached, the name is taken, a file or port cannot be used, and so on.</exception>
    public static async Task<PeerNode> StartAsync(PeerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
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
            if (exception is not OperationCanceledException || cancellationToken.IsCancellationRequested) throw;
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
    public Task<PeerConnection> ConnectAsync(string target, CancellationToken cancellationToken = default) => PeerTarget.TryParse(target, out var parsed)
        ? ConnectAsync(parsed, cancellationToken)
        : throw new PeerException(PeerError.BadRequest, $"'{target}' is no peer: use a name, a name with its id (bob@ID), or an id of {PeerId.TextLength} letters and digits.");

    /// <inheritdoc cref="ConnectAsync(string, CancellationToken)"/>
    public async Task<PeerConnection> ConnectAsync(PeerTarget target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        ThrowIfStopped();
        cancellationToken.ThrowIfCancellationRequested();
        using var activity = PeerActivity.StartConnect();
        long began = Options.TimeProvider.GetTimestamp();
        _knownPeers.Refresh(); // another process may have met the peer
        if (IsSelf(target)) throw new PeerException(PeerError.BadRequest, $"'{target}' is this peer itself. Use another name and identity file for one of the two.");
        var opened = new TaskCompletionSource<PeerConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        PeerConnection? made = null;
        bool posted = Post((machine, now) =>
        {
            var handle = machine.Connect(now, target);
            made = new PeerConnection(this, handle, isIncoming: false);
            _connections[handle] = new Entry(made, opened, began);
        });
        if (!posted) throw ClosedException();
        try
        {
            var connection = await opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
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
    public async ValueTask<IncomingCall> NextCallAsync(CancellationToken cancellationToken = default)
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
    public Task<ImmutableArray<PeerInfo>> PeersAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        var answer = new TaskCompletionSource<ImmutableArray<PeerInfo>>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post((machine, now) =>
        {
            _peersAsked.Add(answer);
            machine.RequestPeers(now);
        });
        return WithinAsync(answer.Task, s_answerTimeout, "The server did not say who is online", cancellationToken);
    }

    /// <summary>Waits until it is found out how the NATs in front of this host behave.</summary>
    /// <exception cref="PeerException">Nothing was found out in time, or the node was closed.</exception>
    public async Task<NatReport> CheckAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfStopped();
        return await WithinAsync(_natReported.Task, s_answerTimeout, "The NAT could not be examined", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells the peers and the server good-bye, and returns when no thread, loop or socket of the node is left. May be called more than once.</summary>
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

    private static PeerException ClosedException() => new(PeerError.Closed, "The peer was closed here.");

    private void ThrowIfStopped()
    {
        if (_disposed != 0 || _stopped.Task.IsCompleted) throw ClosedException();
    }

    private async Task<TResult> WithinAsync<TResult>(Task<TResult> task, TimeSpan limit, string failure, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(limit, Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PeerException(PeerError.TimedOut, $"{failure} within {limit.TotalSeconds:0.###} s. {Server.Text}");
        }
    }
}
