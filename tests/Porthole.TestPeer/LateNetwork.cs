using System.Collections.Immutable;
using System.Diagnostics;
using System.Threading.Channels;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.TestPeer;

/// <summary>
/// The system's network, on which what the server says may come late: so two peers begin apart. The server does not know as long as it has not measured
/// the round trip again.
/// </summary>
internal sealed class LateNetwork : INetwork
{
    private readonly RealNetwork _network = new();
    private long _lateTicks;

    /// <summary>By how much messages of the server are late from now on.</summary>
    public TimeSpan Lateness
    {
        get => TimeSpan.FromTicks(Volatile.Read(ref _lateTicks));
        set => Volatile.Write(ref _lateTicks, value.Ticks);
    }

    public ImmutableArray<TransportAddress> LocalAddresses => _network.LocalAddresses;

    public ImmutableArray<TransportAddress> Gateways => _network.Gateways;

    public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed) => _network.WatchAddresses(changed);

    public INetworkSocket Open(SocketRequest request, ISocketInbox inbox) =>
        _network.Open(request, request is SocketRequest.ServerConnect ? new LateInbox(this, inbox) : inbox);

    /// <summary>Holds what arrives, in order.</summary>
    private sealed class LateInbox : ISocketInbox
    {
        private readonly Channel<(object Item, long Due)> _items = Channel.CreateUnbounded<(object, long)>();
        private readonly LateNetwork _network;
        private readonly ISocketInbox _inbox;

        public LateInbox(LateNetwork network, ISocketInbox inbox)
        {
            (_network, _inbox) = (network, inbox);
            _ = PassOnAsync();
        }

        public InstantClock Clock => _inbox.Clock;

        public SocketId NextAcceptedId() => _inbox.NextAcceptedId();

        public bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote) => _inbox.Accept(listener, socket, remote);

        public void Deliver(ReceiveBatch batch) => _items.Writer.TryWrite((batch, Stopwatch.GetTimestamp() + Stopwatch.Frequency * _network.Lateness.Ticks / TimeSpan.TicksPerSecond));

        public void Deliver(SocketEvent socketEvent) => _items.Writer.TryWrite((socketEvent, 0));

        private async Task PassOnAsync()
        {
            await foreach (var (item, due) in _items.Reader.ReadAllAsync())
            {
                var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
                if (wait > TimeSpan.Zero) await Task.Delay(wait);
                if (item is ReceiveBatch batch) _inbox.Deliver(batch);
                else _inbox.Deliver((SocketEvent)item);
            }
        }
    }
}
