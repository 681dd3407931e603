using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

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

    public byte[] Prove(PeerId peer, TransportAddress mapped, TransportAddress local) => _world.Prove(peer, mapped, local);

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

    public SessionId Meet(string? code)
    {
        var session = SessionId.Create(Entropy);
        Machine.Meet(_world.Now, session, code, new HandshakeOffer(HandshakePattern.XXpsk2, new byte[] { 0x59, 1, 2, 3 }));
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
            if (request is not SocketRequest.Close close || !_accepted.Remove(close.Socket, out var accepted) || IsCutOff) continue;
            _world.Later(OneWay, () => _world.Hangup(accepted));
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
