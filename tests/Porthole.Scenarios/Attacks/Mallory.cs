using System.Diagnostics.CodeAnalysis;
using Porthole.Lab;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Attacks;

/// <summary>A peer with valid credentials and a real key, registered at the server, that keeps no rule of sessions, checks or paths unless it is told to.</summary>
internal sealed class Mallory : ISocketUser
{
    public const string Address = "203.0.113.66";

    private static readonly SocketId s_udp = new(1_000);
    private static readonly TransportAddress s_local = TransportAddress.Parse($"{Address}:6666");

    private readonly SimulatedMachine _running;
    private readonly RendezvousClient _client;
    private readonly NatProbe _probe;
    private readonly Queue<(SocketId Socket, TransportAddress To, byte[] Bytes)> _outgoing = [];
    private readonly Queue<SocketRequest> _requests = [];
    private readonly EntropySource _entropy;
    private int _sockets;
    private SessionHandshake? _handshake;
    private PacketProtection? _keys;

    public Mallory(AttackWorld world, IdentityKey? identity = null)
    {
        _entropy = world.Simulation.CreateEntropy();
        Identity = identity ?? IdentityKey.Generate(_entropy);
        _client = new RendezvousClient(world.ServerOptions, Identity, _entropy, () => new SocketId(++_sockets));
        _probe = new NatProbe(NatProbeOptions.Default, _entropy);
        _requests.Enqueue(new SocketRequest.UdpBind(s_udp, s_local));
        Host = world.Simulation.Internet.AddHost("mallory", Address, LinkOptions.WithDelay(10));
        _running = Host.Run(this);
        _running.Invoke(now => _client.Start(now));
    }

    public IdentityKey Identity { get; }

    public SimulatedHost Host { get; }

    public List<RendezvousEvent> Events { get; } = [];

    public List<(TransportAddress From, byte[] Bytes)> Received { get; } = [];

    public SessionPush? Push { get; private set; }

    public SessionId Session { get; private set; }

    /// <summary>Whether both sides have keys.</summary>
    public bool HasKeys => _keys is not null;

    /// <summary>The proof of her own address, once she has one.</summary>
    public ReadOnlyMemory<byte> Proof => _probe.Report.Mappings.FirstOrDefault()?.Proof ?? default;

    public Instant? NextDeadline => Instant.Earlier(_client.NextDeadline, _probe.NextDeadline);

    public T? Find<T>()
        where T : RendezvousEvent => Events.OfType<T>().LastOrDefault();

    public void Register(string? name, params CandidateInfo[] candidates) =>
        _running.Invoke(now => _client.Register(now, new Registration { Name = name, Accept = AcceptPolicy.Anyone, Candidates = [.. candidates] }));

    public void Do(Action<RendezvousClient, Instant> command) => _running.Invoke(now => command(_client, now));

    /// <summary>Calls a peer, with an honest handshake or with bytes of her own.</summary>
    public void Call(string target, byte[]? message1 = null, SessionId? session = null) => _running.Invoke(now =>
    {
        _keys?.Dispose();
        _keys = null;
        Push = null;
        Session = session ?? SessionId.Create(_entropy);
        _handshake = SessionHandshake.Initiate(Session, Identity, PeerPin.None, target, default, _entropy);
        _client.Connect(now, Session, new ConnectTarget(target), new HandshakeOffer(HandshakePattern.XX, message1 ?? _handshake.Outgoing));
    });

    /// <summary>Sends any packet by the relay.</summary>
    public void Relay(ReadOnlySpan<byte> packet, SessionId? session = null)
    {
        byte[] frame = Attack.Relayed(session ?? Session, packet);
        _running.Invoke(_ => _outgoing.Enqueue((_client.Socket!.Value, default, frame)));
    }

    public void Send(TransportAddress to, byte[] bytes) => _running.Invoke(_ => _outgoing.Enqueue((s_udp, to, bytes)));

    /// <summary>Seals frames under the session's keys.</summary>
    public byte[] Seal(params byte[] frames)
    {
        byte[] packet = new byte[PacketProtection.Overhead + frames.Length];
        frames.CopyTo(packet, PacketProtection.HeaderSize);
        return packet[.._keys!.Seal(packet, frames.Length, out _)];
    }

    /// <summary>Answers nothing but the handshake.</summary>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams)
        {
            var bytes = batch.Bytes(datagram);
            if (datagram.Socket == s_udp)
            {
                Received.Add((datagram.Remote, bytes.ToArray()));
                _probe.HandleDatagram(now, s_udp, datagram.Remote, bytes);
            }
            else if (!_client.HandleMessage(now, datagram.Socket, bytes) && RelayFrame.TryParse(bytes, out var session, out var packet) && session == Session)
            {
                HandlePacket(packet);
            }
        }

        Pump(now);
    }

    public void HandleDeadline(Instant now)
    {
        _client.HandleDeadline(now);
        _probe.HandleDeadline(now);
        Pump(now);
    }

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (socketEvent is SocketEvent.Opened { Socket: var socket } && socket == s_udp) _probe.AddSocket(now, s_udp, s_local);
        else _client.HandleSocketEvent(now, socketEvent);
        Pump(now);
    }

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request) || _client.TryTakeSocketRequest(out request);

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_client.TryWrite(now, ref writer) || _probe.TryWrite(now, ref writer)) return true;
        if (!_outgoing.TryDequeue(out var next)) return false;
        writer.Begin(next.Socket, next.To);
        if (!writer.TryReserve(next.Bytes.Length, out var segment)) return false;
        next.Bytes.CopyTo(segment);
        writer.Commit(next.Bytes.Length);
        return true;
    }

    private void HandlePacket(ReadOnlySpan<byte> packet)
    {
        if (_handshake is null || _handshake.HandlePacket(packet) != HandshakeVerdict.Accepted || !_handshake.AreKeysReady) return;
        _outgoing.Enqueue((_client.Socket!.Value, default, Attack.Relayed(Session, _handshake.Outgoing.Span)));
        _keys = _handshake.TakeProtection();
    }

    private void Pump(Instant now)
    {
        while (_client.TryTakeEvent(out var rendezvousEvent))
        {
            Events.Add(rendezvousEvent);
            if (rendezvousEvent is RendezvousEvent.Welcomed welcomed)
                _probe.SetServers(now, welcomed.Stun, new ShortTermCredential(welcomed.Access.Username, welcomed.Access.Password));
            if (rendezvousEvent is RendezvousEvent.SessionPushed pushed && pushed.Push.Session == Session) Push = pushed.Push;
        }

        while (_probe.TryTakeEvent(out _))
        {
            // Only the proof is of interest, which the report holds.
        }
    }
}
