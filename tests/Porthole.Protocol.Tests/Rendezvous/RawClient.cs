using System.Text;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>A client without manners: it does the hello and then says what it likes, without delay.</summary>
internal sealed class RawClient
{
    private static int s_next;

    private readonly RendezvousWorld _world;
    private readonly RendezvousCodec _codec = new();
    private readonly TestEntropy _entropy;
    private NoiseHandshake? _handshake;
    private NoiseChannel? _channel;

    public RawClient(RendezvousWorld world, string remote = "198.51.100.77:5000", IdentityKey? key = null, ulong seed = 0)
    {
        _world = world;
        _entropy = new TestEntropy(seed + 40_000 + (ulong)Interlocked.Increment(ref s_next));
        Key = key ?? IdentityKey.Generate(_entropy);
        Socket = new SocketId(-10_000 - Interlocked.Increment(ref s_next));
        world.RawClients[Socket] = this;
        world.Host.HandleSocketEvent(world.Now, new SocketEvent.Accepted(default, Socket, TransportAddress.Parse(remote)));
        world.DrainServer();
    }

    public IdentityKey Key { get; }

    public SocketId Socket { get; }

    public bool IsClosed { get; set; }

    public List<byte[]> Raw { get; } = [];

    public List<ServerMessage> Heard { get; } = [];

    public byte[] FirstMessage { get; private set; } = [];

    public byte[] LastSent { get; private set; } = [];

    public RendezvousError? Refusal => Heard.OfType<ServerMessage.Refused>().LastOrDefault()?.Error
        ?? (Raw.LastOrDefault(message => message[0] == (byte)MainMessageKind.Refusal) is { } plain ? (RendezvousError)plain[1] : null);

    /// <summary>The whole hello; the first message with IK.</summary>
    public RawClient Greet(string? token = null, int version = RendezvousLimits.Version, InstanceId? instance = null)
    {
        Handshake();
        Say(new ClientMessage.Hello(version, instance ?? InstanceId.Create(_entropy), token));
        return this;
    }

    public RawClient Handshake(PublicKey? server = null)
    {
        _handshake = NoiseHandshake.Initiate(NoisePattern.IK, HelloFrame.Prologue(NoisePattern.IK), Key, server ?? _world.ServerKey, default, _entropy);
        FirstMessage = HelloFrame.Write(_handshake, isFirst: true);
        Send(FirstMessage);
        return this;
    }

    public RawClient Register(AcceptPolicy policy = AcceptPolicy.Anyone, string? name = null, params CandidateInfo[] candidates)
    {
        Say(new ClientMessage.Register(name, policy, PresenceMode.None, null, [.. candidates], NatFacts.Unknown));
        return this;
    }

    public void Say(ClientMessage message) => SaySealed(_codec.Encode(message));

    public void SayJson(string json) => SaySealed(Encoding.UTF8.GetBytes(json));

    public void SaySealed(ReadOnlySpan<byte> plain)
    {
        byte[] message = new byte[1 + plain.Length + NoiseChannel.Overhead];
        message[0] = (byte)MainMessageKind.Control;
        _channel!.Seal(plain, message.AsSpan(1));
        Send(message);
    }

    public void Send(params byte[] message)
    {
        LastSent = message;
        byte[] copy = [.. message];
        _world.Host.HandleDatagrams(_world.Now, new DatagramBatch(copy, [new ReceivedDatagram(Socket, default, 0, copy.Length)]));
        _world.DrainServer();
        // The server closes at its next deadline.
        if (_world.Host.NextDeadline <= _world.Now) _world.Host.HandleDeadline(_world.Now);
        _world.DrainServer();
    }

    public void Hangup() => _world.Host.HandleSocketEvent(_world.Now, new SocketEvent.Failed(Socket, SocketFailure.Closed, ""));

    public void Take(byte[] message)
    {
        Raw.Add(message);
        if (message[0] == (byte)MainMessageKind.Hello && _handshake is not null && HelloFrame.TryRead(_handshake, message, isFirst: false))
        {
            _channel = new NoiseChannel(_handshake.Split(), isInitiator: true);
        }
        else if (message[0] == (byte)MainMessageKind.Control && _channel is not null)
        {
            var body = message.AsSpan(1).ToArray();
            Assert.True(_channel.TryOpen(body, body, out int length));
            Assert.True(RendezvousCodec.TryDecode(body.AsSpan(0, length), out ServerMessage? heard), Encoding.UTF8.GetString(body, 0, length));
            Heard.Add(heard);
        }
    }
}
