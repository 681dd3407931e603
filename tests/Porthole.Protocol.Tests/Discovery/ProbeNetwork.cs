using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Discovery;

/// <summary>A probe before a NAT and STUN servers behind it, in virtual time: every packet takes half a round trip, unless it is lost.</summary>
internal sealed class ProbeNetwork
{
    public static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(40);
    public static readonly DateTimeOffset Start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    public static readonly PeerId Peer = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);

    private readonly PriorityQueue<Packet, (long, int)> _flying = new();
    private readonly StunResponder _responder;
    private readonly byte[] _memory = new byte[2_048];
    private int _order;

    public ProbeNetwork(ulong seed = 1, NatProbeOptions? options = null)
    {
        Probe = new NatProbe(options ?? NatProbeOptions.Default, new TestEntropy(seed));
        var generous = StunServerOptions.Default with { PeerBurst = 10_000, PeerRate = 10_000 };
        _responder = new StunResponder(generous, Key, new WallClock(Instant.Zero, Start), new TestEntropy(99));
    }

    public delegate TransportAddress Translate(TransportAddress local, TransportAddress server);

    public StunServerKey Key { get; } = new(new byte[32]);

    public NatProbe Probe { get; }

    public Instant Now { get; private set; }

    /// <summary>How the NAT maps; none by default.</summary>
    public Translate Nat { get; set; } = static (local, _) => local;

    /// <summary>Whether a request is lost, by sender, server and its number among all.</summary>
    public Func<TransportAddress, TransportAddress, int, bool> IsLost { get; set; } = static (_, _, _) => false;

    public List<(Instant At, SocketId Socket, TransportAddress Server)> Sent { get; } = [];

    public List<(Instant At, NatReport Report)> Reports { get; } = [];

    public List<NatProbeEvent.CredentialRefused> Refusals { get; } = [];

    public Dictionary<SocketId, TransportAddress> Sockets { get; } = [];

    public ShortTermCredential Issue(TimeSpan? lifetime = null) => new StunCredentialIssuer(Key).Issue(Peer, Start + (Now - Instant.Zero), lifetime);

    public void AddSocket(int number, string local, bool isSample = false)
    {
        Sockets[new SocketId(number)] = TransportAddress.Parse(local);
        Assert.True(Probe.AddSocket(Now, new SocketId(number), TransportAddress.Parse(local), isSample));
        Drain();
    }

    public void SetServers(params string[] servers) => SetServers(Issue(), servers);

    public void SetServers(ShortTermCredential? credential, params string[] servers)
    {
        Probe.SetServers(Now, [.. servers.Select(TransportAddress.Parse)], credential);
        Drain();
    }

    public void ProbeAgain()
    {
        Probe.Probe(Now);
        Drain();
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
            if (arrival <= deadline) Deliver(_flying.Dequeue());
            else Probe.HandleDeadline(Now);
            Drain();
        }

        Now = end;
    }

    public void RunUntilReport(int count)
    {
        for (int i = 0; Reports.Count < count && i < 100_000; i++) RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Equal(count, Reports.Count);
    }

    public bool Receive(int socket, string remote, ReadOnlySpan<byte> datagram)
    {
        bool consumed = Probe.HandleDatagram(Now, new SocketId(socket), TransportAddress.Parse(remote), datagram);
        Drain();
        return consumed;
    }

    private void Deliver(Packet packet)
    {
        if (packet.IsAnswer)
        {
            Assert.True(Probe.HandleDatagram(Now, packet.Socket, packet.Server, packet.Bytes));
            return;
        }

        var answer = new byte[StunResponder.MaxAnswer];
        var mapped = Nat(Sockets[packet.Socket], packet.Server);
        int length = _responder.Respond(Now, mapped, packet.Server, default, packet.Bytes, answer);
        if (length > 0) Fly(packet with { Bytes = answer[..length], IsAnswer = true });
    }

    private void Drain()
    {
        for (var writer = new DatagramBatchWriter(_memory); Probe.TryWrite(Now, ref writer); writer = new DatagramBatchWriter(_memory))
        {
            Sent.Add((Now, writer.Socket, writer.Remote));
            if (IsLost(Sockets[writer.Socket], writer.Remote, Sent.Count)) continue;
            Fly(new Packet(writer.Socket, writer.Remote, writer.Written.ToArray(), IsAnswer: false));
        }

        while (Probe.TryTakeEvent(out var probeEvent))
        {
            if (probeEvent is NatProbeEvent.Reported reported) Reports.Add((Now, reported.Report));
            if (probeEvent is NatProbeEvent.CredentialRefused refused) Refusals.Add(refused);
        }
    }

    private void Fly(Packet packet) => _flying.Enqueue(packet, ((Now + RoundTrip / 2).Ticks, _order++));

    private sealed record Packet(SocketId Socket, TransportAddress Server, byte[] Bytes, bool IsAnswer);
}
