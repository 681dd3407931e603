using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Server;

/// <summary>The STUN ports of a server: every local address and port, each over UDP and TCP.</summary>
internal sealed class StunListeners : IAsyncDisposable
{
    private readonly MachineHost<StunServer> _udp;
    private readonly MachineHost<StunStreamServer> _tcp;
    private readonly Opening _udpPorts;
    private readonly Opening _tcpPorts;

    public StunListeners(StunServerOptions options, ServerPorts ports, StunServerKey key, InstantClock clock, EntropySource entropy, ILogger logger)
    {
        var listen = options with { Listen = ports.Stun };
        var wall = new WallClock(clock.Now, clock.Provider.GetUtcNow());
        (_udpPorts, _tcpPorts) = (new Opening("UDP", listen.Listen.Length, logger), new Opening("TCP", listen.Listen.Length, logger));
        _udp = new MachineHost<StunServer>(
            new StunServer(listen, key, wall, entropy),
            new RealNetwork(),
            clock,
            (machine, _) =>
            {
                while (machine.TryTakeEvent(out var happened)) _udpPorts.Handle(happened);
            },
            logger);
        _tcp = new MachineHost<StunStreamServer>(
            new StunStreamServer(listen, key, wall, entropy),
            new RealNetwork(),
            clock,
            (machine, _) =>
            {
                while (machine.TryTakeEvent(out var happened)) _tcpPorts.Handle(happened);
            },
            logger);
    }

    /// <summary>Completes when every socket is open or has failed.</summary>
    public Task Started => Task.WhenAll(_udpPorts.Settled, _tcpPorts.Settled);

    /// <summary>The UDP addresses that answer.</summary>
    public ImmutableArray<TransportAddress> Listening => _udpPorts.Open;

    public async ValueTask DisposeAsync()
    {
        await _tcp.DisposeAsync().ConfigureAwait(false);
        await _udp.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>How far the ports of one transport have come.</summary>
    private sealed class Opening(string transport, int wanted, ILogger logger)
    {
        private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _told;

        public ImmutableArray<TransportAddress> Open { get; private set; } = [];

        public Task Settled => _settled.Task;

        public void Handle(StunServerEvent happened)
        {
            switch (happened)
            {
                case StunServerEvent.Listening listening:
                    Open = Open.Add(listening.Local);
                    break;
                case StunServerEvent.NotListening failed:
                    ServerLog.StunNotListening(logger, failed.Wanted, $"{transport}: {failed.Detail}");
                    break;
            }

            if (++_told == wanted) _settled.TrySetResult();
        }
    }
}
