using System.Text;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>A server without manners before one client: no delay, and it says what it likes.</summary>
internal sealed class RawServer
{
    private readonly byte[] _buffer = new byte[DatagramBatchWriter.MaxDatagram];
    private readonly RendezvousCodec _codec = new();
    private readonly TransportAddress _address;
    private NoiseHandshake? _handshake;
    private NoiseChannel? _channel;
    private int _sockets;

    public RawServer(Registration? registration = null, RendezvousClientOptions? options = null, string address = "198.51.100.1:8848")
    {
        _address = TransportAddress.Parse(address);
        Entropy = new TestEntropy(4_711);
        ServerIdentity = IdentityKey.Generate(Entropy);
        ClientIdentity = IdentityKey.Generate(Entropy);
        Client = new RendezvousClient(
            options ?? new RendezvousClientOptions { Server = new Uri("http://server:8848") }, ClientIdentity, Entropy, () => new SocketId(++_sockets));
        Client.Register(Now, registration ?? new Registration());
        Client.Start(Now);
        Drain();
    }

    public TestEntropy Entropy { get; }

    public IdentityKey ServerIdentity { get; set; }

    public IdentityKey ClientIdentity { get; }

    public RendezvousClient Client { get; }

    public Instant Now { get; set; } = Instant.FromMilliseconds(1_000);

    public List<ClientMessage> Heard { get; } = [];

    public List<byte[]> Raw { get; } = [];

    public List<RendezvousEvent> Events { get; } = [];

    public List<SocketRequest> Requests { get; } = [];

    public SocketId? Connecting { get; private set; }

    /// <summary>Hello, welcome and registered.</summary>
    public RawServer Welcome()
    {
        Open();
        Answer();
        var access = new StunAccess("u", "p", TimeSpan.FromHours(1));
        Say(new ServerMessage.Welcome(1, TransportAddress.Parse("203.0.113.9:1"), [TransportAddress.Parse("0.0.0.0:3478")], access));
        Say(new ServerMessage.Registered(null, 0));
        Assert.True(Client.IsRegistered);
        return this;
    }

    public void Open()
    {
        Client.HandleSocketEvent(Now, new SocketEvent.Opened(Connecting!.Value, TransportAddress.Parse("192.168.1.10:50000"), _address));
        Drain();
    }

    /// <summary>Answers the client's first message.</summary>
    public void Answer()
    {
        Assert.True(HelloFrame.TryReadPattern(Raw[^1], out var pattern));
        _handshake = NoiseHandshake.Respond(pattern, HelloFrame.Prologue(pattern), ServerIdentity, default, Entropy);
        Assert.True(HelloFrame.TryRead(_handshake, Raw[^1], isFirst: true));
        byte[] answer = HelloFrame.Write(_handshake, isFirst: false);
        if (_handshake.IsComplete) _channel = new NoiseChannel(_handshake.Split(), isInitiator: false);
        Send(answer);
    }

    public void Say(ServerMessage message) => SaySealed(_codec.Encode(message));

    public void SayJson(string json) => SaySealed(Encoding.UTF8.GetBytes(json));

    public byte[] Seal(ReadOnlySpan<byte> plain)
    {
        byte[] message = new byte[1 + plain.Length + NoiseChannel.Overhead];
        message[0] = (byte)MainMessageKind.Control;
        _channel!.Seal(plain, message.AsSpan(1));
        return message;
    }

    public void SaySealed(ReadOnlySpan<byte> plain) => Send(Seal(plain));

    public void Send(params byte[] message)
    {
        if (Client.Socket is not { } socket) return;
        Client.HandleMessage(Now, socket, [.. message]);
        Drain();
    }

    public void Do(Action<RendezvousClient, Instant> action)
    {
        action(Client, Now);
        Drain();
    }

    public void Drain()
    {
        while (Client.TryTakeSocketRequest(out var request))
        {
            Requests.Add(request);
            if (request is SocketRequest.ServerConnect connect) Connecting = connect.Socket;
        }

        while (Client.TryTakeEvent(out var rendezvousEvent)) Events.Add(rendezvousEvent);
        while (true)
        {
            var writer = new DatagramBatchWriter(_buffer);
            if (!Client.TryWrite(Now, ref writer)) return;
            byte[] message = writer.Written.ToArray();
            Raw.Add(message);
            bool isThird = message[0] == (byte)MainMessageKind.Hello && _handshake is { IsComplete: false, IsMyTurn: false };
            if (isThird && HelloFrame.TryRead(_handshake!, message, isFirst: false))
                _channel = new NoiseChannel(_handshake!.Split(), isInitiator: false);
            if (message[0] != (byte)MainMessageKind.Control) continue;
            Assert.True(_channel!.TryOpen(message.AsSpan(1).ToArray(), message, out int length));
            Assert.True(RendezvousCodec.TryDecode(message.AsSpan(0, length), out ClientMessage? heard));
            Heard.Add(heard);
        }
    }

    /// <summary>A push that an honest server could send.</summary>
    public SessionPush Push(SessionId session, IdentityKey peer, bool isInitiator, string dialled = "me", params CandidateInfo[] candidates) => new(
        session, isInitiator, peer.PublicKey, "peer", new InstanceId(7), dialled, isInitiator ? null : new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 }),
        new PunchPlan(
            0, ClientIdentity.PeerId < peer.PeerId, new IceCredentialInfo("abcd", "0123456789012345678901"), new IceCredentialInfo("efgh", "0123456789012345678901"),
            [.. candidates], NatFacts.Unknown, TimeSpan.Zero, TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(40)));
}
