using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Session;

/// <summary>How much the initiator knows, which decides the pattern.</summary>
public enum Knowledge { Key, Id, Nothing }

/// <summary>Alice, who calls, and Bob, who answers; the server between them is what a test makes of it.</summary>
internal sealed class HandshakePair : IDisposable
{
    public static readonly byte[] Code = [.. Enumerable.Range(7, NoiseHandshake.PskSize).Select(i => (byte)i)];

    private readonly List<SessionHandshake> _handshakes = [];

    public HandshakePair(Knowledge knowledge, bool hasPsk = false, ulong seed = 1)
    {
        Entropy = new TestEntropy(seed);
        AliceKey = IdentityKey.Generate(Entropy);
        BobKey = IdentityKey.Generate(Entropy);
        MalloryKey = IdentityKey.Generate(Entropy);
        Session = SessionId.Create(Entropy);
        Psk = hasPsk ? Code : [];
        var pin = knowledge switch
        {
            Knowledge.Key => PeerPin.To(BobKey.PublicKey),
            Knowledge.Id => PeerPin.To(BobKey.PeerId),
            Knowledge.Nothing => PeerPin.None,
        };
        Alice = Keep(SessionHandshake.Initiate(Session, AliceKey, pin, Dialled, Psk, Entropy));
        Message1 = Alice.Outgoing.ToArray();
    }

    public static TheoryData<Knowledge, bool> All { get; } = new()
    {
        { Knowledge.Key, false }, { Knowledge.Key, true }, { Knowledge.Id, false }, { Knowledge.Id, true }, { Knowledge.Nothing, false }, { Knowledge.Nothing, true },
    };

    public static string Dialled => "bob";

    public TestEntropy Entropy { get; }
    public IdentityKey AliceKey { get; }
    public IdentityKey BobKey { get; }
    public IdentityKey MalloryKey { get; }
    public SessionId Session { get; }
    public byte[] Psk { get; }
    public SessionHandshake Alice { get; }
    public byte[] Message1 { get; }

    /// <summary>Bob answers; each argument that is given is a lie of the server.</summary>
    public HandshakeVerdict Respond(
        out SessionHandshake? bob,
        byte[]? packet = null,
        IdentityKey? responder = null,
        PeerId? initiator = null,
        string? dialled = null,
        SessionId? session = null,
        byte[]? psk = null)
    {
        var verdict = SessionHandshake.TryRespond(
            session ?? Session, responder ?? BobKey, initiator ?? AliceKey.PeerId, dialled ?? Dialled, psk ?? Psk, packet ?? Message1, Entropy, out bob);
        Assert.Equal(verdict == HandshakeVerdict.Accepted, bob is not null);
        if (bob is not null) Keep(bob);
        return verdict;
    }

    public SessionHandshake Respond()
    {
        Assert.Equal(HandshakeVerdict.Accepted, Respond(out var bob));
        return bob!;
    }

    /// <summary>Runs to the end: both have keys.</summary>
    public SessionHandshake Complete()
    {
        var bob = Respond();
        Assert.Equal(HandshakeVerdict.Accepted, Alice.HandlePacket(bob.Outgoing.Span));
        if (!Alice.Outgoing.IsEmpty) Assert.Equal(HandshakeVerdict.Accepted, bob.HandlePacket(Alice.Outgoing.Span));
        return bob;
    }

    public void Dispose()
    {
        foreach (var handshake in _handshakes) handshake.Dispose();
        AliceKey.Dispose();
        BobKey.Dispose();
        MalloryKey.Dispose();
    }

    private SessionHandshake Keep(SessionHandshake handshake)
    {
        _handshakes.Add(handshake);
        return handshake;
    }
}
