using System.Collections.Immutable;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Server;

/// <summary>The STUN ports of a server: UDP on every local address and port, TCP on the first port.</summary>
internal sealed class StunListeners : IAsyncDisposable
{
    private readonly MachineHost<StunServer> _udp;
    private readonly List<StunTcpListener> _tcp = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _logger;
    private readonly int _wanted;
    private ImmutableArray<TransportAddress> _listening = [];
    private int _settled;

    public StunListeners(StunServerOptions options, ServerPorts ports, StunServerKey key, InstantClock clock, EntropySource entropy, ILogger logger)
    {
        (_logger, _wanted) = (logger, ports.Stun.Length);
        var wall = new WallClock(clock.Now, clock.Provider.GetUtcNow());
        var responder = new StunResponder(options, key, wall, entropy);
        foreach (var local in ports.Stun.Where(local => local.Port == ports.Stun[0].Port))
        {
            try
            {
                _tcp.Add(new StunTcpListener(local.ToEndPoint(), responder, clock));
            }
            catch (SocketException exception)
            {
                ServerLog.StunNotListening(logger, local, $"TCP: {exception.Message}");
            }
        }

        _udp = new MachineHost<StunServer>(new StunServer(options with { Listen = ports.Stun }, key, wall, entropy), new RealNetwork(), clock, HandleEvents, logger);
    }

    /// <summary>Completes when every UDP socket is open or has failed.</summary>
    public Task Started => _started.Task;

    /// <summary>The UDP addresses that answer.</summary>
    public ImmutableArray<TransportAddress> Listening => _listening;

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _tcp) await listener.DisposeAsync().ConfigureAwait(false);
        await _udp.DisposeAsync().ConfigureAwait(false);
    }

    private void HandleEvents(StunServer server, Instant now)
    {
        while (server.TryTakeEvent(out var serverEvent))
        {
            switch (serverEvent)
            {
                case StunServerEvent.Listening listening:
                    _listening = _listening.Add(listening.Local);
                    break;
                case StunServerEvent.NotListening failed:
                    ServerLog.StunNotListening(_logger, failed.Wanted, failed.Detail);
                    break;
            }

            if (++_settled == _wanted) _started.TrySetResult();
        }
    }
}
