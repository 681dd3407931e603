using Porthole.Diagnostics;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Tests.Diagnostics;

public sealed class PeerTraceTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private LoopbackServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LoopbackServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(Transports.Udp, TraceCarrier.Udp)]
    [InlineData(Transports.Tcp, TraceCarrier.Tcp)]
    public async Task A_trace_is_shown_questions_checks_and_messages_both_ways_and_nothing_of_the_session(Transports transports, TraceCarrier carrier)
    {
        var trace = new Collecting();
        await using var bob = await StartAsync("bob", transports, null);
        await using var alice = await StartAsync("alice", transports, trace);
        var accepting = bob.AcceptAsync(Token).AsTask();
        var there = await alice.ConnectAsync("bob", Token).WaitAsync(s_patience, Token);
        await there.WaitForDirectAsync(s_patience, Token);
        await there.Confirmed.WaitAsync(s_patience, Token);
        var here = await accepting.WaitAsync(s_patience, Token);
        there.SendDatagram("the secret"u8);
        await here.ReceiveDatagramAsync(Token).AsTask().WaitAsync(s_patience, Token);

        Seen[] seen;
        lock (trace) seen = [.. trace.Packets];
        foreach (bool isSent in (bool[])[true, false])
        {
            Assert.Contains(seen, one => one.Carrier == carrier && one.IsSent == isSent && one.IsStun && !one.IsCheck); // a question, or its answer
            Assert.Contains(seen, one => one.Carrier == carrier && one.IsSent == isSent && one.IsStun && one.IsCheck);
            foreach (var kind in (MainMessageKind[])[MainMessageKind.Hello, MainMessageKind.Control])
            {
                Assert.Contains(seen, one => one.Carrier == TraceCarrier.Server && one.IsSent == isSent && one.Main == kind);
            }
        }

        // The direct path may be there before this side has sent anything over the relay.
        Assert.Contains(seen, static one => one is { Carrier: TraceCarrier.Server, Main: MainMessageKind.Relay });
        Assert.All(seen, static one => Assert.True(one.Carrier == TraceCarrier.Server ? one is { Main: not null, Shown: 0, Length: > 0 } : one.IsStun && one.Shown == one.Length));
        Assert.All(seen, static one => Assert.True(one.Local.Port != 0 && one.Remote.Port != 0));
        lock (trace)
        {
            Assert.Contains(trace.Events, static one => one is PeerEvent.PathChanged);
            if (carrier == TraceCarrier.Tcp) Assert.Contains(trace.Connections, static one => one.Step is ConnectionStep.Opened or ConnectionStep.Accepted);
        }
    }

    private Task<PeerNode> StartAsync(string name, Transports transports, IPeerTrace? trace) =>
        PeerNode.StartAsync(LoopbackOptions.At(_server.Address, name, AcceptPolicy.Anyone) with { Transports = transports, Trace = trace }, Token);

    private sealed record Seen(TraceCarrier Carrier, bool IsSent, TransportAddress Local, TransportAddress Remote, MainMessageKind? Main, bool IsStun, bool IsCheck, int Length, int Shown);

    private sealed class Collecting : IPeerTrace
    {
        public List<Seen> Packets { get; } = [];

        public List<TracedConnection> Connections { get; } = [];

        public List<PeerEvent> Events { get; } = [];

        public void OnPacket(in TracedPacket packet)
        {
            bool isStun = StunReader.TryParse(packet.Bytes, out var message);
            lock (this)
            {
                Packets.Add(new Seen(
                    packet.Carrier, packet.IsSent, packet.Local, packet.Remote, packet.MainMessage, isStun, isStun && message.Has(StunAttributeType.Priority), packet.Length, packet.Bytes.Length));
            }
        }

        public void OnConnection(TracedConnection connection)
        {
            lock (this) Connections.Add(connection);
        }

        public void OnEvent(PeerEvent happened)
        {
            lock (this) Events.Add(happened);
        }
    }
}
