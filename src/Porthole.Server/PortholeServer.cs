using System.Collections.Immutable;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Porthole.Identity;
using Porthole.Protocol.Peer;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Server;

/// <summary>A running server: rendezvous and relay over WebSockets, STUN over UDP and TCP, in one process.</summary>
public sealed class PortholeServer : IAsyncDisposable
{
    /// <summary>How long clients are given to hear that the server stops.</summary>
    private static readonly TimeSpan s_stopPatience = TimeSpan.FromSeconds(2);

    private static readonly SocketId s_listener = new(1);

    private readonly WebApplication _web;
    private readonly MachineHost<RendezvousServer> _rendezvous;
    private readonly StunListeners _stun;
    private readonly RelayForwarder _forwarder;
    private readonly NamesFile? _names;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private int _disposed;

    private PortholeServer(PortholeServerOptions options, IdentityKey identity, NamesFile? names, ServerPorts ports, ILoggerFactory loggers)
    {
        _logger = loggers.CreateLogger("Porthole.Server");
        (_names, Key) = (names, identity.PublicKey);
        var clock = new InstantClock(TimeProvider.System);
        var entropy = OperatingSystemEntropy.Instance;
        var stunKey = StunServerKey.Create(entropy);
        var stun = options.SecondStunAddress is { } second ? options.Stun with { SecondHost = TransportAddress.From(second, 0) } : options.Stun;
        var router = new RelayRouter();
        _forwarder = new RelayForwarder(router, clock);
        _stun = new StunListeners(stun, ports, stunKey, clock, entropy, _logger);
        var machine = new RendezvousServer(
            options.Rendezvous with { Stun = ports.Announced }, identity, stunKey, router, entropy, clock.Now, clock.Provider.GetUtcNow(), names?.Records);
        _rendezvous = new MachineHost<RendezvousServer>(machine, new RealNetwork(), clock, HandleEvents, _logger);
        _web = BuildWeb(new IPEndPoint(options.Address, ports.Http), loggers);
        Http = new Uri($"http://{new IPEndPoint(ports.Reachable, ports.Http)}");
    }

    /// <summary>The server's public key, which clients pin.</summary>
    public PublicKey Key { get; }

    /// <summary>An address that clients on this network can use.</summary>
    public Uri Http { get; }

    /// <summary>The UDP addresses where STUN answers.</summary>
    public ImmutableArray<TransportAddress> Stun => _stun.Listening;

    /// <summary>How many main connections are open.</summary>
    public int Connections => _forwarder.Connections;

    /// <summary>Starts a server; it listens when the call returns.</summary>
    /// <exception cref="PeerException">A port is taken, an address is not this host's, or a file cannot be used.</exception>
    public static async Task<PortholeServer> StartAsync(PortholeServerOptions options, ILoggerFactory loggers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        var ports = ServerPorts.Choose(options);
        var (identity, names) = OpenFiles(options.DataDirectory);
        PortholeServer? server = null;
        try
        {
            server = new PortholeServer(options, identity, names, ports, loggers);
            await server._web.StartAsync(cancellationToken).ConfigureAwait(false);
            await server._stun.Started.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            if (server is null) names?.Dispose();
            else await server.DisposeAsync().ConfigureAwait(false);
            if (exception is not IOException) throw;
            throw new PeerException(PeerError.PortInUse, $"TCP port {ports.Http} is taken. Choose another with --port.", exception);
        }

        ServerLog.Listening(server._logger, server.Http.ToString(), string.Join(", ", server.Stun));
        if (options.Rendezvous.Token is null && ports.PublicAddress is { } open) ServerLog.OpenToEveryone(server._logger, open.ToString());
        return server;
    }

    /// <summary>Whether this server takes everyone and can be reached from everywhere; then somebody should be warned.</summary>
    public static bool IsOpenToEveryone(PortholeServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Rendezvous.Token is null && ServerPorts.FindPublicAddress(options.Address) is not null;
    }

    /// <summary>Tells the clients, ends all connections, and returns when every socket and file is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        ServerLog.Stopping(_logger);
        _rendezvous.Post(static (machine, now) => machine.Stop(now));
        using var patience = new CancellationTokenSource(s_stopPatience);
        while (_forwarder.Connections > 0 && !patience.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), CancellationToken.None).ConfigureAwait(false);
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _web.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await _web.DisposeAsync().ConfigureAwait(false);
        await _rendezvous.DisposeAsync().ConfigureAwait(false);
        await _stun.DisposeAsync().ConfigureAwait(false);
        _names?.Dispose();
        _stopping.Dispose();
    }

    private static (IdentityKey Identity, NamesFile? Names) OpenFiles(string? directory)
    {
        if (directory is null) return (IdentityKey.Generate(OperatingSystemEntropy.Instance), null);
        var identity = IdentityFile.LoadOrCreate(Path.Combine(directory, "server-key"), OperatingSystemEntropy.Instance);
        return (identity, NamesFile.Open(Path.Combine(directory, "names")));
    }

    private WebApplication BuildWeb(IPEndPoint local, ILoggerFactory loggers)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton(loggers);
        builder.Services.Configure<HostOptions>(static options => options.ShutdownTimeout = s_stopPatience);
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Listen(local);
        });
        var web = builder.Build();
        web.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero }); // the rendezvous protocol has its own
        web.Map(MainConnection.Path, HandleMainConnectionAsync);
        web.Map("/health", HandleHealthAsync);
        return web;
    }

    private Task HandleHealthAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync($$"""{"status":"ok","connections":{{_forwarder.Connections}},"relayedSessions":{{_forwarder.Routes}}}""", context.RequestAborted);
    }

    private async Task HandleMainConnectionAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest || !context.WebSockets.WebSocketRequestedProtocols.Contains(MainConnection.SubProtocol))
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            return;
        }

        var remote = TransportAddress.From(context.Connection.RemoteIpAddress ?? IPAddress.None, (ushort)context.Connection.RemotePort);
        using var webSocket = await context.WebSockets.AcceptWebSocketAsync(MainConnection.SubProtocol).ConfigureAwait(false);
        var connection = new ServerConnection(_rendezvous.NextAcceptedId(), webSocket, _rendezvous, _forwarder);
        _forwarder.Add(connection);
        try
        {
            if (_rendezvous.Accept(s_listener, connection, remote)) await connection.RunAsync(_stopping.Token).ConfigureAwait(false);
        }
        finally
        {
            _forwarder.Remove(connection);
        }
    }

    private void HandleEvents(RendezvousServer machine, Instant now)
    {
        while (machine.TryTakeEvent(out var serverEvent))
        {
            switch (serverEvent)
            {
                case RendezvousServerEvent.NameChanged changed:
                    Keep(changed.Record);
                    break;
                case RendezvousServerEvent.PeerConnected connected:
                    ServerLog.PeerConnected(_logger, connected.Peer, connected.Remote);
                    break;
                case RendezvousServerEvent.PeerRegistered registered:
                    ServerLog.PeerRegistered(_logger, registered.Peer, registered.Name ?? "(no name)");
                    break;
                case RendezvousServerEvent.PeerDisconnected disconnected:
                    ServerLog.PeerDisconnected(_logger, disconnected.Peer, disconnected.Reason, disconnected.RelayedBytes);
                    break;
                case RendezvousServerEvent.TurnedAway away:
                    ServerLog.TurnedAway(_logger, away.Remote, away.Error);
                    break;
                case RendezvousServerEvent.PunchDecided decided:
                    HandleDecided(decided);
                    break;
                case RendezvousServerEvent.RouteAdded or RendezvousServerEvent.RouteRemoved:
                    break; // the router knows
            }
        }
    }

    private void HandleDecided(RendezvousServerEvent.PunchDecided decided)
    {
        ServerMetrics.PunchDecided(decided);
        if (!decided.IsNews) ServerLog.PunchedAgain(_logger, decided.Session, decided.Method.Code, decided.Reason); // a session on the relay tries again and again
        else if (decided.Reason == VerdictReason.Direct) ServerLog.PunchedDirect(_logger, decided.Session, decided.Method.Code);
        else ServerLog.StaysRelayed(_logger, decided.Session, decided.Reason);
    }

    private void Keep(NameRecord record)
    {
        try
        {
            _names?.Append(record);
        }
        catch (IOException exception)
        {
            ServerLog.NamesNotWritten(_logger, exception.Message);
        }
    }
}
