using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Session;

/// <summary>A peer with true keys that says whatever a test wants: frames by hand against a real session, the victim.</summary>
internal sealed class RawPeer
{
    private readonly byte[] _memory = new byte[DatagramBatchWriter.MaxBytes];
    private readonly PacketProtection _protection;

    public RawPeer(SessionOptions? options = null, bool overUdp = false)
    {
        var entropy = new TestEntropy(7);
        var alice = IdentityKey.Generate(entropy);
        var bob = IdentityKey.Generate(entropy);
        var id = SessionId.Create(entropy);
        var handshake = SessionHandshake.Initiate(id, alice, PeerPin.To(bob.PublicKey), "bob", default, entropy);
        SessionHandshake.TryRespond(id, bob, alice.PeerId, "bob", default, handshake.Outgoing.Span, entropy, out var responder);
        Victim = PeerSession.Respond(Now, options ?? SessionOptions.Default, entropy, responder!);
        Path = Victim.AddPath(Now, new SocketId(1), default, overUdp ? PathTraits.Udp : PathTraits.Relay, default, trusted: true);
        var writer = new DatagramBatchWriter(_memory);
        Assert.True(Victim.TryWrite(Now, ref writer));
        Assert.Equal(HandshakeVerdict.Accepted, handshake.HandlePacket(writer.Segment(0)));
        _protection = handshake.TakeProtection();
        SendFrame(FrameType.Ping);
        Receive();
        TakeEvents();
    }

    public Instant Now { get; set; } = Instant.FromMilliseconds(1_000);

    public PeerSession Victim { get; }

    public PathId Path { get; }

    /// <summary>Whether the victim's packets are not even opened.</summary>
    public bool IsDeaf { get; set; }

    public long NextNumber => (long)_protection.NextPacketNumber;

    /// <summary>The error that the victim closed with; null while it lives.</summary>
    public TransportError? Error { get; private set; }

    public List<SessionEvent> Events { get; } = [];

    /// <summary>The numbers of the victim's packets.</summary>
    public RangeSet Opened { get; } = new();

    /// <summary>Acknowledges everything that came.</summary>
    public void Acknowledge()
    {
        byte[] ack = new byte[4_000];
        var writer = new FrameWriter(ack);
        if (Opened.Count > 0 && writer.TryWriteAck(Opened, TimeSpan.Zero, ack.Length)) Send(ack.AsSpan(0, writer.Length));
    }

    public byte[] Seal(ReadOnlySpan<byte> frames)
    {
        byte[] packet = new byte[frames.Length + PacketProtection.Overhead];
        frames.CopyTo(packet.AsSpan(PacketProtection.HeaderSize));
        _protection.Seal(packet, frames.Length, out _);
        return packet;
    }

    public void SkipNumbers(long count)
    {
        for (long i = 0; i < count; i++) _protection.SkipPacketNumber();
    }

    public bool Send(params ReadOnlySpan<byte> frames) => SendOn(Path, frames);

    public bool SendOn(PathId path, params ReadOnlySpan<byte> frames)
    {
        bool taken = Victim.HandlePacket(Now, path, Seal(frames));
        TakeEvents();
        return taken;
    }

    public bool SendFrame(byte type, params ReadOnlySpan<long> numbers) => Send([type, .. Numbers(numbers)]);

    public bool SendStream(long id, long offset, ReadOnlySpan<byte> data, bool fin = false) =>
        Send([(byte)(FrameType.Stream | FrameType.StreamOffset | FrameType.StreamLength | (fin ? 1 : 0)), .. Numbers([id, offset, data.Length]), .. data]);

    public static byte[] Numbers(params ReadOnlySpan<long> numbers)
    {
        var bytes = new List<byte>();
        Span<byte> one = stackalloc byte[8];
        foreach (long number in numbers) bytes.AddRange(one[..VariableLength.Write(one, number)]);
        return [.. bytes];
    }

    /// <summary>Everything that the victim has to send now: the frames of each packet.</summary>
    public List<byte[]> Receive()
    {
        var payloads = new List<byte[]>();
        while (true)
        {
            var writer = new DatagramBatchWriter(_memory);
            if (!Victim.TryWrite(Now, ref writer)) return payloads;
            for (int i = 0; i < writer.Count; i++)
            {
                if (IsDeaf || !_protection.TryOpen(Now, writer.Segment(i).ToArray(), out ulong number, out var payload)) continue;
                payloads.Add(payload.ToArray());
                Opened.TryAdd((long)number, (long)number + 1);
            }
        }
    }

    public List<byte[]> RunFor(TimeSpan time)
    {
        var payloads = Receive();
        var end = Now + time;
        while (Victim.NextDeadline is { } at && at <= end)
        {
            Now = Instant.Max(Now, at);
            Victim.HandleDeadline(Now);
            payloads.AddRange(Receive());
            TakeEvents();
        }

        Now = end;
        return payloads;
    }

    private void TakeEvents()
    {
        while (Victim.TryTakeEvent(out var taken))
        {
            Events.Add(taken);
            if (taken is SessionEvent.Closed { Cause: SessionCloseCause.Transport, ByPeer: false } closed) Error = (TransportError)closed.Code;
        }
    }
}
