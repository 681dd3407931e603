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

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1_000);

    public int MessagesToServer { get; private set; }

    public DateTimeOffset WallClock => WallOrigin + (Now - Instant.Zero);

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
                if (request is SocketRequest.Close close && _links.Remove(close.Socket, out var link))
                    Later(link.Client.OneWay, () => link.Client.Fail(link.Socket, SocketFailure.Closed));
            }

            while (Host.Server.TryTakeEvent(out var serverEvent)) ServerEvents.Add(serverEvent);
            var writer = new DatagramBatchWriter(_buffer);
            if (!Host.TryWrite(Now, ref writer)) break;
            if (!_links.TryGetValue(writer.Socket, out var target)) continue;
            for (int i = 0; i < writer.Count; i++)
            {
                byte[] message = writer.Segment(i).ToArray();
                Later(target.Client.OneWay, () => target.Client.Receive(target.Socket, message));
            }
        }
    }
}

/// <summary>One client of the world, and everything it was told.</summary>
internal sealed class WorldClient
{
    private readonly RendezvousWorld _world;
    private readonly Dictionary<SocketId, SocketId> _accepted = [];
    private readonly byte[] _buffer = new byte[DatagramBatchWriter.MaxDatagram];
    private int _sockets;

    public WorldClient(RendezvousWorld world, ulong seed, TimeSpan oneWay, RendezvousClientOptions? options, IdentityKey? key, TransportAddress address)
    {
        _world = world;
        (OneWay, Address) = (oneWay, address);
        Entropy = new TestEntropy(seed);
        Key = key ?? IdentityKey.Generate(Entropy);
        Machine = new RendezvousClient(options ?? new RendezvousClientOptions { Server = new Uri("http://server:8848") }, Key, Entropy, () => new SocketId(++_sockets));
    }

    public RendezvousClient Machine { get; }

    public IdentityKey Key { get; }

    public PeerId Id => Key.PeerId;

    public EntropySource Entropy { get; }

    public TimeSpan OneWay { get; set; }

    public TransportAddress Address { get; set; }

    public List<(Instant At, RendezvousEvent Event)> Log { get; } = [];

    public List<(Instant At, SocketRequest Request)> Requests { get; } = [];

    public List<byte[]> Relayed { get; } = [];

    /// <summary>Whether what this client sends, and what is sent to it, gets lost without a sign.</summary>
    public bool IsCutOff { get; set; }

    public CandidateInfo Proved(string mapped, string local) =>
        Claim(mapped, local) with { Proof = Prove(Id, TransportAddress.Parse(mapped), TransportAddress.Parse(local)) };

    public byte[] Prove(PeerId peer, TransportAddress mapped, TransportAddress local)
    {
        byte[] token = new byte[ReflexiveProof.Size];
        ReflexiveProof.Issue(_world.StunKey, _world.StunKey.TagOf(peer), mapped, local, _world.WallClock + ReflexiveProof.DefaultLifetime, token);
        return token;
    }

    public static CandidateInfo Claim(string mapped, string local) =>
        new(CandidateKind.ServerReflexive, CandidateTransport.Udp, TransportAddress.Parse(mapped), TransportAddress.Parse(local), 1_000, "s1");

    public static CandidateInfo HostAt(string address) =>
        new(CandidateKind.Host, CandidateTransport.Udp, TransportAddress.Parse(address), TransportAddress.Parse(address), 2_000, "h1");

    public SessionId Connect(string target, InstanceId? instance = null)
    {
        var session = SessionId.Create(Entropy);
        Machine.Connect(_world.Now, session, new ConnectTarget(target, instance), new HandshakeOffer(HandshakePattern.XX, new byte[] { 0x59, 1, 2, 3 }));
        Drain();
        return session;
    }

    public IEnumerable<T> Events<T>()
        where T : RendezvousEvent => Log.Select(entry => entry.Event).OfType<T>();

    public Instant At<T>()
        where T : RendezvousEvent => Log.Last(entry => entry.Event is T).At;

    public SessionPush Push(SessionId session) => Events<RendezvousEvent.SessionPushed>().Single(pushed => pushed.Push.Session == session).Push;

    public void Do(Action<RendezvousClient, Instant> action)
    {
        action(Machine, _world.Now);
        Drain();
    }

    public void SendRelay(SessionId session, params byte[] packet)
    {
        byte[] frame = new byte[RelayFrame.HeaderSize + packet.Length];
        RelayFrame.WriteHeader(frame, session);
        packet.CopyTo(frame, RelayFrame.HeaderSize);
        SendRaw(frame);
    }

    public void SendRaw(byte[] message)
    {
        if (Machine.Socket is not { } socket || !_accepted.TryGetValue(socket, out var accepted)) return;
        if (!IsCutOff) _world.Later(OneWay, () => _world.Deliver(accepted, message));
    }

    public void Receive(SocketId socket, byte[] message)
    {
        if (IsCutOff) return;
        if (!Machine.HandleMessage(_world.Now, socket, message) && message[0] == (byte)MainMessageKind.Relay) Relayed.Add(message);
        Drain();
    }

    public void Fail(SocketId socket, SocketFailure reason)
    {
        if (IsCutOff) return;
        Machine.HandleSocketEvent(_world.Now, new SocketEvent.Failed(socket, reason, "test"));
        Drain();
    }

    public SocketId AcceptedSocket => _accepted[Machine.Socket!.Value];

    public void Drain()
    {
        while (Machine.TryTakeSocketRequest(out var request))
        {
            Requests.Add((_world.Now, request));
            if (request is SocketRequest.ServerConnect connect) Open(connect.Socket);
            else if (request is SocketRequest.Close close && _accepted.Remove(close.Socket, out var accepted) && !IsCutOff) _world.Later(OneWay, () => _world.Hangup(accepted));
        }

        while (Machine.TryTakeEvent(out var rendezvousEvent)) Log.Add((_world.Now, rendezvousEvent));
        while (true)
        {
            var writer = new DatagramBatchWriter(_buffer);
            if (!Machine.TryWrite(_world.Now, ref writer)) return;
            SendRaw(writer.Written.ToArray());
        }
    }

    private void Open(SocketId socket)
    {
        if (IsCutOff) return;
        _world.Later(OneWay, () =>
        {
            if (!_world.ServerIsUp)
            {
                _world.Later(OneWay, () => Fail(socket, SocketFailure.Refused));
                return;
            }

            var accepted = _world.Accept(this, socket);
            _world.Later(OneWay, () =>
            {
                _accepted[socket] = accepted;
                Machine.HandleSocketEvent(_world.Now, new SocketEvent.Opened(socket, Address, TransportAddress.Parse("198.51.100.1:8848")));
                Drain();
            });
        });
    }
}
