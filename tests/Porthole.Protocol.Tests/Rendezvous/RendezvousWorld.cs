using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>A server and its clients in virtual time: main connections are ordered links, each with a delay of its own.</summary>
internal sealed class RendezvousWorld
{
    public static readonly DateTimeOffset WallOrigin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Action, (long At, long Order)> _agenda = new();
    private readonly List<WorldClient> _clients = [];
    private readonly Dictionary<SocketId, (WorldClient Client, SocketId Socket)> _links = [];
    private readonly byte[] _buffer = new byte[DatagramBatchWriter.MaxDatagram];
    private readonly IdentityKey _serverKey = IdentityKey.Generate(new TestEntropy(999));
    private long _order;
    private int _accepted;
    private ulong _seed = 1;

    public RendezvousWorld(RendezvousServerOptions? options = null, IEnumerable<NameRecord>? names = null)
    {
        Options = options ?? new RendezvousServerOptions { Stun = [TransportAddress.Parse("0.0.0.0:3478")] };
        StunKey = StunServerKey.Create(new TestEntropy(7));
        StartServer(names);
    }

    public RendezvousServerOptions Options { get; }

    public StunServerKey StunKey { get; }

    public PublicKey ServerKey => _serverKey.PublicKey;

    public RendezvousHost Host { get; private set; } = null!;

    public bool ServerIsUp { get; set; }

    public List<RendezvousServerEvent> ServerEvents { get; } = [];

    /// <summary>Clients that speak for themselves.</summary>
    public Dictionary<SocketId, RawClient> RawClients { get; } = [];

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1_000);

    public int MessagesToServer { get; private set; }

    public DateTimeOffset WallClock => WallOrigin + (Now - Instant.Zero);

    /// <summary>The token that the server's STUN port would give out.</summary>
    public byte[] Prove(PeerId peer, TransportAddress mapped, TransportAddress local)
    {
        byte[] token = new byte[ReflexiveProof.Size];
        ReflexiveProof.Issue(StunKey, StunKey.TagOf(peer), mapped, local, WallClock + ReflexiveProof.DefaultLifetime, token);
        return token;
    }

    public void StartServer(IEnumerable<NameRecord>? names = null)
    {
        var router = new RelayRouter();
        var server = new RendezvousServer(Options, _serverKey, StunKey, router, new TestEntropy(++_seed + 5_000), Now, WallClock, names);
        Host = new RendezvousHost(server, router);
        ServerIsUp = true;
    }

    /// <summary>The server dies without a word; its system closes the connections.</summary>
    public void KillServer()
    {
        ServerIsUp = false;
        foreach (var (_, (client, socket)) in _links.ToArray()) Later(client.OneWay, () => client.Fail(socket, SocketFailure.Closed));
        _links.Clear();
    }

    public WorldClient Add(double oneWayMilliseconds = 20, RendezvousClientOptions? options = null, IdentityKey? key = null, string address = "198.51.100.10:50000")
    {
        var client = new WorldClient(this, ++_seed, TimeSpan.FromMilliseconds(oneWayMilliseconds), options, key, TransportAddress.Parse(address));
        _clients.Add(client);
        return client;
    }

    /// <summary>A client that has registered, with one proved address of its own.</summary>
    public WorldClient AddRegistered(string? name, double oneWayMilliseconds = 20, Registration? registration = null, IdentityKey? key = null, string? publicHost = null)
    {
        var client = Add(oneWayMilliseconds, key: key);
        publicHost ??= $"203.0.113.{_clients.Count}";
        registration = (registration ?? new Registration()) with { Name = name };
        if (registration.Candidates.IsEmpty) registration = registration with { Candidates = [client.Proved($"{publicHost}:40000", "192.168.1.10:5000")] };
        client.Machine.Register(Now, registration);
        client.Machine.Start(Now);
        client.Drain();
        Run(TimeSpan.FromSeconds(4));
        Assert.True(client.Machine.IsRegistered);
        return client;
    }

    public void Later(TimeSpan delay, Action action) => _agenda.Enqueue(action, ((Now + delay).Ticks, _order++));

    public void Run(TimeSpan duration)
    {
        var end = Now + duration;
        DrainServer();
        foreach (var client in _clients) client.Drain();
        for (int steps = 0; ; steps++)
        {
            Assert.True(steps < 200_000, "The world does not come to rest.");
            var next = _agenda.TryPeek(out _, out var head) ? new Instant(head.At) : Instant.Never;
            if (ServerIsUp && Host.NextDeadline is { } deadline) next = Instant.Min(next, deadline);
            foreach (var client in _clients) next = Instant.Min(next, client.Machine.NextDeadline ?? Instant.Never);
            if (next > end) break;
            Now = Instant.Max(Now, next);
            while (_agenda.TryPeek(out _, out head) && head.At <= Now.Ticks) _agenda.Dequeue()();
            foreach (var client in _clients)
            {
                if (client.Machine.NextDeadline <= Now) client.Machine.HandleDeadline(Now);
                client.Drain();
            }

            if (ServerIsUp && Host.NextDeadline <= Now) Host.HandleDeadline(Now);
            DrainServer();
        }

        Now = end;
    }

    public SocketId Accept(WorldClient client, SocketId socket)
    {
        var accepted = new SocketId(-(++_accepted));
        _links[accepted] = (client, socket);
        Host.HandleSocketEvent(Now, new SocketEvent.Accepted(default, accepted, client.Address));
        DrainServer();
        return accepted;
    }

    public void Deliver(SocketId accepted, byte[] message)
    {
        if (!ServerIsUp || !_links.ContainsKey(accepted)) return;
        MessagesToServer++;
        Host.HandleDatagrams(Now, new DatagramBatch(message, [new ReceivedDatagram(accepted, default, 0, message.Length)]));
        DrainServer();
    }

    public void Hangup(SocketId accepted)
    {
        if (_links.Remove(accepted) && ServerIsUp) Host.HandleSocketEvent(Now, new SocketEvent.Failed(accepted, SocketFailure.Closed, ""));
        DrainServer();
    }

    public void Tell(WorldClient client, SocketEvent socketEvent)
    {
        Host.HandleSocketEvent(Now, socketEvent);
        DrainServer();
        client.Drain();
    }

    public void DrainServer()
    {
        while (ServerIsUp)
        {
            while (Host.TryTakeSocketRequest(out var request))
            {
                if (RawClients.TryGetValue(request.Socket, out var closed)) closed.IsClosed = true;
                if (request is SocketRequest.Close close && _links.Remove(close.Socket, out var link))
                    Later(link.Client.OneWay, () => link.Client.Fail(link.Socket, SocketFailure.Closed));
            }

            while (Host.Server.TryTakeEvent(out var serverEvent)) ServerEvents.Add(serverEvent);
            var writer = new DatagramBatchWriter(_buffer);
            if (!Host.TryWrite(Now, ref writer)) break;
            if (RawClients.TryGetValue(writer.Socket, out var raw)) raw.Take(writer.Written.ToArray());
            if (!_links.TryGetValue(writer.Socket, out var target)) continue;
            for (int i = 0; i < writer.Count; i++)
            {
                byte[] message = writer.Segment(i).ToArray();
                Later(target.Client.OneWay, () => target.Client.Receive(target.Socket, message));
            }
        }
    }
}
