using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>The probe over TCP and the STUN server over TCP on this system's own TCP: one port listens, connects to several servers, and does it again at once.</summary>
public sealed class TcpProbeTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly SocketId s_listener = new(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_punching_port_is_probed_again_and_again_and_leaves_nothing_behind()
    {
        var clock = new InstantClock(TimeProvider.System);
        var key = StunServerKey.Create(OperatingSystemEntropy.Instance);
        var opened = Channel.CreateUnbounded<StunServerEvent>();
        var listen = StunServerOptions.Default with { Listen = [.. Enumerable.Repeat(TransportAddress.Parse("127.0.0.1:0"), 4)] };
        var stun = new StunStreamServer(listen, key, new WallClock(clock.Now, DateTimeOffset.UnixEpoch), OperatingSystemEntropy.Instance);
        await using var server = new MachineHost<StunStreamServer>(stun, new RealNetwork(), clock, (machine, _) =>
        {
            while (machine.TryTakeEvent(out var happened)) opened.Writer.TryWrite(happened);
        });
        var servers = ImmutableArray.CreateBuilder<TransportAddress>();
        for (int i = 0; i < 4; i++) servers.Add(Assert.IsType<StunServerEvent.Listening>(await NextAsync(opened)).Local);

        var peer = new PeerId([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);
        var credential = new StunCredentialIssuer(key).Issue(peer, DateTimeOffset.UnixEpoch, TimeSpan.FromHours(1));
        var found = Channel.CreateUnbounded<TcpNatProbeEvent>();
        await using var host = new MachineHost<ProbingMachine>(new ProbingMachine(), new RealNetwork(), clock, (machine, _) =>
        {
            while (machine.Probe.TryTakeEvent(out var happened)) found.Writer.TryWrite(happened);
        });
        host.Post((machine, now) => machine.Probe.SetServers(now, servers.ToImmutable(), credential));
        for (int round = 0; round < NatProbe.MaxRounds - 1; round++)
        {
            var report = await NextReportAsync(found);
            Assert.Equal((NatMapping.EndpointIndependent, NatAllocation.Preserve, true), (report.Mapping, report.Allocation, report.IsReachable));
            var mapping = Assert.Single(report.Mappings);
            Assert.Equal((s_listener, mapping.Local), (mapping.Socket, mapping.Mapped));
            Assert.True(ReflexiveProof.TryVerify(key, peer, mapping.Mapped, mapping.Local, DateTimeOffset.UnixEpoch, mapping.Proof.Span));
            host.Post(static (machine, now) => machine.Probe.Sample(now, s_listener));
            Assert.Equal(mapping.Mapped, Assert.IsType<TcpNatProbeEvent.Sampled>(await NextAsync(found)).Mapped);
            host.Post(static (machine, now) => machine.Probe.Probe(now));
        }

        await NextReportAsync(found);
        host.Post(static (machine, now) => machine.Probe.Hold(now, s_listener, isHeld: true));
        host.Post(static (machine, now) => machine.Probe.Sample(now, s_listener));
        Assert.NotNull(Assert.IsType<TcpNatProbeEvent.Sampled>(await NextAsync(found)).Mapped);
        await UntilAsync(server, static count => count == 1); // the held one
        host.Post(static (machine, now) => machine.Probe.Hold(now, s_listener, isHeld: false));
        await UntilAsync(server, static count => count == 0);
    }

    /// <summary>The next report that will not be followed by a better one.</summary>
    private static async Task<TcpNatReport> NextReportAsync(Channel<TcpNatProbeEvent> events)
    {
        while (true)
        {
            var report = Assert.IsType<TcpNatProbeEvent.Reported>(await NextAsync(events)).Report;
            if (report.IsComplete && !report.Mappings.IsEmpty) return report;
        }
    }

    private static ValueTask<T> NextAsync<T>(Channel<T> events) => new(events.Reader.ReadAsync(Token).AsTask().WaitAsync(s_patience, Token));

    private static async Task UntilAsync(MachineHost<StunStreamServer> server, Predicate<int> isReached)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Token);
        late.CancelAfter(s_patience);
        while (!isReached(await server.InvokeAsync(static (machine, _) => machine.Connections))) await Task.Delay(TimeSpan.FromMilliseconds(5), late.Token);
    }

    private sealed class ProbingMachine : ISocketUser
    {
        private readonly Queue<SocketRequest> _requests = new([new SocketRequest.TcpListen(s_listener, TransportAddress.Parse("127.0.0.1:0"), Shared: true)]);
        private int _sockets = s_listener.Value;

        public ProbingMachine() => Probe = new TcpNatProbe(NatProbeOptions.Default, OperatingSystemEntropy.Instance, () => new SocketId(++_sockets));

        public TcpNatProbe Probe { get; }

        public Instant? NextDeadline => Probe.NextDeadline;

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
            foreach (var datagram in batch.Datagrams) Probe.HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram));
        }

        public void HandleDeadline(Instant now) => Probe.HandleDeadline(now);

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
            if (socketEvent is SocketEvent.Opened opened && opened.Socket == s_listener) Probe.AddPort(now, s_listener, opened.Local);
            else Probe.HandleSocketEvent(now, socketEvent);
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => Probe.TryWrite(now, ref writer);

        public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request) || Probe.TryTakeRequest(out request);
    }
}
