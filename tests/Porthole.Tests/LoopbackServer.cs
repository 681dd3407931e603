using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Tests;

/// <summary>A rendezvous server with STUN on loopback, of the same machines as the real one.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private static readonly SocketId s_listener = new(1);

    private readonly List<TransportAddress> _stunAddresses = [];
    private readonly TaskCompletionSource _stunReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly InstantClock _clock = new(TimeProvider.System);
    private readonly StunServerKey _stunKey = StunServerKey.Create(OperatingSystemEntropy.Instance);
    private readonly IdentityKey _identity;
    private readonly MachineHost<StunServer>? _stun;
    private readonly List<NameRecord> _names;
    private MachineHost<RendezvousHost> _host = null!;
    private WebApplication _web = null!;

    private LoopbackServer(IdentityKey identity, bool withUdp, List<NameRecord> names)
    {
        (_identity, _names) = (identity, names);
        var wall = new WallClock(_clock.Now, DateTimeOffset.UtcNow);
        var options = StunServerOptions.Default with { Listen = [.. Enumerable.Repeat(TransportAddress.Parse("127.0.0.1:0"), 4)] };
        if (withUdp) _stun = new MachineHost<StunServer>(new StunServer(options, _stunKey, wall, OperatingSystemEntropy.Instance), new RealNetwork(), _clock, TakeStunEvents);
        else _stunReady.SetResult();
    }

    /// <summary>Where it is, with its key.</summary>
    public ServerAddress Pinned => new(Address.Uri, _identity.PublicKey);

    /// <summary>Where it is.</summary>
    public ServerAddress Address => new(new Uri(_web.Urls.Single()));

    public static async Task<LoopbackServer> StartAsync(
        RendezvousServerOptions? options = null, bool withUdp = true, int port = 0, IdentityKey? identity = null, List<NameRecord>? names = null)
    {
        var server = new LoopbackServer(identity ?? IdentityKey.Generate(OperatingSystemEntropy.Instance), withUdp, names ?? []);
        await server._stunReady.Task.WaitAsync(TimeSpan.FromSeconds(20));
        var stun = withUdp ? server._stunAddresses.ToImmutableArray() : [TransportAddress.Parse("127.0.0.1:9")]; // the port of nobody
        var router = new RelayRouter();
        var rendezvous = new RendezvousServer(
            (options ?? new RendezvousServerOptions()) with { Stun = stun },
            server._identity,
            server._stunKey,
            router,
            OperatingSystemEntropy.Instance,
            server._clock.Now,
            DateTimeOffset.UtcNow,
            server._names);
        server._host = new MachineHost<RendezvousHost>(new RendezvousHost(rendezvous, router), new RealNetwork(), server._clock, server.TakeEvents);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        server._web = builder.Build();
        server._web.UseWebSockets();
        server._web.Map(MainConnection.Path, server.ServeAsync);
        await server._web.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync(new CancellationToken(canceled: true));
        await _host.DisposeAsync();
        if (_stun is not null) await _stun.DisposeAsync();
        await _web.DisposeAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        using var webSocket = await context.WebSockets.AcceptWebSocketAsync(MainConnection.SubProtocol);
        var connection = new WebSocketConnection(_host.NextAcceptedId(), _host);
        if (_host.Accept(s_listener, connection, TransportAddress.From(context.Connection.RemoteIpAddress!, (ushort)context.Connection.RemotePort)))
        {
            await connection.RunAsync(webSocket);
        }
    }

    private void TakeStunEvents(StunServer server, Instant now)
    {
        while (server.TryTakeEvent(out var happened))
        {
            if (happened is StunServerEvent.Listening listening) _stunAddresses.Add(listening.Local);
            if (_stunAddresses.Count == 4) _stunReady.TrySetResult();
        }
    }

    private void TakeEvents(RendezvousHost host, Instant now)
    {
        while (host.Server.TryTakeEvent(out var happened))
        {
            if (happened is RendezvousServerEvent.NameChanged changed) _names.Add(changed.Record);
        }
    }
}
