using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Discovery;

/// <summary>A TCP probe before a NAT and STUN servers behind it, in virtual time: a SYN, and a message, take half a round trip each way.</summary>
internal sealed class TcpProbeNetwork
{
    public static readonly TimeSpan RoundTrip = ProbeNetwork.RoundTrip;

    /// <summary>When a kernel repeats a SYN.</summary>
    public static readonly TimeSpan SynTimeout = TimeSpan.FromSeconds(1);

    private readonly PriorityQueue<Action, (long, int)> _flying = new();
    private readonly StunResponder _responder;
    private readonly byte[] _memory = new byte[2_048];
    private int _order;
    private int _sockets = 100;
    private ushort _freshPort = 50_000;

    public TcpProbeNetwork(ulong seed = 1, NatProbeOptions? options = null)
    {
        Probe = new TcpNatProbe(options ?? NatProbeOptions.Default, new TestEntropy(seed), () => new SocketId(++_sockets));
        var generous = StunServerOptions.Default with { PeerBurst = 10_000, PeerRate = 10_000 };
        _responder = new StunResponder(generous, Key, new WallClock(Instant.Zero, ProbeNetwork.Start), new TestEntropy(99));
    }

    /// <summary>What becomes of a connection.</summary>
    public enum Fate
    {
        Accepted,
        FirstSynLost,
        Refused,
        Unreachable,
        Silent,
    }

    public StunServerKey Key { get; } = new(new byte[32]);

    public TcpNatProbe Probe { get; }

    public Instant Now { get; private set; }

    /// <summary>How the NAT maps a SYN that passes it; none by default. It is asked in the order of the SYNs.</summary>
    public ProbeNetwork.Translate Nat { get; set; } = static (local, _) => local;

    /// <summary>What becomes of a connection, by its server and its number among all.</summary>
    public Func<TransportAddress, int, Fate> Decide { get; set; } = static (_, _) => Fate.Accepted;

    /// <summary>Whether a server answers what it is asked.</summary>
    public bool Answers { get; set; } = true;

    public List<(Instant At, SocketRequest.TcpConnect Request)> Connects { get; } = [];

    public List<(Instant At, SocketRequest.Close Request)> Closes { get; } = [];

    public Dictionary<SocketId, Connection> Open { get; } = [];

    public List<(Instant At, TcpNatReport Report)> Reports { get; } = [];

    public List<(Instant At, TcpNatProbeEvent.Sampled Sample)> Samples { get; } = [];

    public List<TcpNatProbeEvent.CredentialRefused> Refusals { get; } = [];

    public int RequestsWritten { get; private set; }

    public ShortTermCredential Issue(TimeSpan? lifetime = null) =>
        new StunCredentialIssuer(Key).Issue(ProbeNetwork.Peer, ProbeNetwork.Start + (Now - Instant.Zero), lifetime);

    public void AddPort(int listener, string local)
    {
        Assert.True(Probe.AddPort(Now, new SocketId(listener), TransportAddress.Parse(local)));
        Drain();
    }

    public void SetServers(params string[] servers) => SetServers(Issue(), servers);

    public void SetServers(ShortTermCredential? credential, params string[] servers) =>
        Do(now => Probe.SetServers(now, [.. servers.Select(TransportAddress.Parse)], credential));

    public void Do(Action<Instant> input)
    {
        input(Now);
        Drain();
    }

    public void Sample(int listener) => Do(now => Probe.Sample(now, new SocketId(listener)));

    public void Hold(int listener, bool isHeld = true) => Do(now => Probe.Hold(now, new SocketId(listener), isHeld));

    /// <summary>The server, or the way, breaks a connection.</summary>
    public void Break(SocketId socket)
    {
        Open.Remove(socket);
        Do(now => Assert.True(Probe.HandleSocketEvent(now, new SocketEvent.Failed(socket, SocketFailure.Closed, ""))));
    }

    public void RunFor(TimeSpan time)
    {
        var end = Now + time;
        while (true)
        {
            var arrival = _flying.TryPeek(out _, out var key) ? new Instant(key.Item1) : Instant.Never;
            var deadline = Probe.NextDeadline ?? Instant.Never;
            var next = Instant.Min(arrival, deadline);
            if (next > end) break;
            Assert.True(next >= Now, "A deadline lies in the past: the machine would spin.");
            Now = next;
            if (arrival <= deadline) _flying.Dequeue()();
            else Probe.HandleDeadline(Now);
            Drain();
            Assert.True(deadline > Now || Probe.NextDeadline is null || Probe.NextDeadline > Now || arrival <= Now, "A deadline was not taken: the machine would spin.");
        }

        Now = end;
    }

    private void Drain()
    {
        bool any = true;
        while (any)
        {
            any = false;
            for (var writer = new DatagramBatchWriter(_memory); Probe.TryWrite(Now, ref writer); writer = new DatagramBatchWriter(_memory))
            {
                any = true;
                RequestsWritten++;
                Ask(Open[writer.Socket], writer.Remote, writer.Written.ToArray());
            }

            while (Probe.TryTakeRequest(out var request))
            {
                any = true;
                Take(request);
            }
        }

        while (Probe.TryTakeEvent(out var probeEvent))
        {
            if (probeEvent is TcpNatProbeEvent.Reported reported) Reports.Add((Now, reported.Report));
            if (probeEvent is TcpNatProbeEvent.Sampled sample) Samples.Add((Now, sample));
            if (probeEvent is TcpNatProbeEvent.CredentialRefused refused) Refusals.Add(refused);
        }
    }

    private void Take(SocketRequest request)
    {
        if (request is SocketRequest.Close close)
        {
            Closes.Add((Now, close));
            Open.Remove(close.Socket);
            return;
        }

        var connect = Assert.IsType<SocketRequest.TcpConnect>(request);
        Assert.Equal(MessageFraming.Stun, connect.Framing);
        Connects.Add((Now, connect));
        var local = connect.Local.Port == 0 ? connect.Local.WithPort(_freshPort += 7) : connect.Local;
        Assert.DoesNotContain(Open.Values, open => open.Local == local && open.Remote == connect.Remote); // a connection is its two addresses
        var connection = new Connection(connect.Socket, local, connect.Remote);
        Open.Add(connect.Socket, connection);
        var fate = Decide(connect.Remote, Connects.Count);
        if (fate == Fate.Silent) return;
        if (fate is Fate.Refused or Fate.Unreachable)
        {
            var reason = fate == Fate.Refused ? SocketFailure.Refused : SocketFailure.Unreachable;
            Fly(RoundTrip, connect.Socket, () => Fail(connect.Socket, reason));
            return;
        }

        if (fate == Fate.Accepted) Establish(connection, RoundTrip);
        else Fly(SynTimeout, connect.Socket, () => Establish(connection, RoundTrip));
    }

    private void Establish(Connection connection, TimeSpan after)
    {
        connection.Mapped = Nat(connection.Local, connection.Remote);
        Fly(after, connection.Socket, () =>
            Assert.True(Probe.HandleSocketEvent(Now, new SocketEvent.Opened(connection.Socket, connection.Local, connection.Remote))));
    }

    private void Fail(SocketId socket, SocketFailure reason)
    {
        Open.Remove(socket);
        Assert.True(Probe.HandleSocketEvent(Now, new SocketEvent.Failed(socket, reason, "")));
    }

    private void Ask(Connection connection, TransportAddress remote, byte[] request)
    {
        Assert.Equal(connection.Remote, remote);
        if (!Answers) return;
        Fly(RoundTrip, connection.Socket, () =>
        {
            byte[] answer = new byte[StunResponder.MaxAnswer];
            int length = _responder.Respond(Now, connection.Mapped, connection.Remote, default, request, answer);
            if (length > 0) Assert.True(Probe.HandleDatagram(Now, connection.Socket, connection.Remote, answer.AsSpan(0, length)));
        });
    }

    /// <summary>Lets something arrive later, unless the connection is closed by then.</summary>
    private void Fly(TimeSpan after, SocketId socket, Action arrive) => _flying.Enqueue(
        () =>
        {
            if (Open.ContainsKey(socket)) arrive();
        },
        ((Now + after).Ticks, _order++));

    public sealed class Connection(SocketId socket, TransportAddress local, TransportAddress remote)
    {
        public SocketId Socket { get; } = socket;
        public TransportAddress Local { get; } = local;
        public TransportAddress Remote { get; } = remote;
        public TransportAddress Mapped { get; set; }
    }
}
