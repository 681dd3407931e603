using System.Security.Cryptography;
using Porthole.Benchmarks.Harness;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;
using Porthole.Runtime;

namespace Porthole.Benchmarks.Protocol;

/// <summary>
/// Both sides of a session's handshake, from the keys' import to the transport keys, against two of the platform's key agreements. Either pattern needs
/// eight agreements and two new key pairs over both sides, so that a ratio of four to six is the floor.
/// </summary>
internal sealed class HandshakeBenchmark : IBenchmark
{
    private const int DefaultRounds = 15;
    private const double Microsecond = 1000;

    private readonly IdentityKey _alice = IdentityKey.Generate(OperatingSystemEntropy.Instance);
    private readonly IdentityKey _bob = IdentityKey.Generate(OperatingSystemEntropy.Instance);

    public string Name => "handshake";

    public string Summary => "IK and XX, both sides; against two raw P-256 agreements";

    public Task<string> RunAsync(int rounds)
    {
        using var mine = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        using var yours = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        using var point = yours.PublicKey;
        return new Comparison(
            "Handshake, both sides",
            "µs",
            Contender.Loop("two DeriveRawSecretAgreement", Microsecond, count => Agree(mine, point, count)),
            Contender.Loop("one new key pair", Microsecond, Generate),
            Contender.Loop("IK, the key is known: 2 messages", Microsecond, count => Run(PeerPin.To(_bob.PublicKey), count)),
            Contender.Loop("XX, nothing is known: 3 messages", Microsecond, count => Run(PeerPin.None, count)))
            .RunAsync(rounds == 0 ? DefaultRounds : rounds, warmUps: 2);
    }

    private static void Agree(ECDiffieHellman mine, ECDiffieHellmanPublicKey point, int count)
    {
        while (count-- > 0)
        {
            mine.DeriveRawSecretAgreement(point);
            mine.DeriveRawSecretAgreement(point);
        }
    }

    private static void Generate(int count)
    {
        while (count-- > 0) IdentityKey.Generate(OperatingSystemEntropy.Instance).Dispose();
    }

    private static void Require(HandshakeVerdict verdict)
    {
        if (verdict != HandshakeVerdict.Accepted) throw new InvalidOperationException($"The handshake was not accepted: {verdict}.");
    }

    private void Run(PeerPin pin, int count)
    {
        while (count-- > 0)
        {
            var session = SessionId.Create(OperatingSystemEntropy.Instance);
            using var near = SessionHandshake.Initiate(session, _alice, pin, "bob", [], OperatingSystemEntropy.Instance);
            Require(SessionHandshake.TryRespond(session, _bob, _alice.PeerId, "bob", [], near.Outgoing.Span, OperatingSystemEntropy.Instance, out var far));
            using (far)
            {
                Require(near.HandlePacket(far!.Outgoing.Span));
                if (!near.Outgoing.IsEmpty) Require(far.HandlePacket(near.Outgoing.Span));
                near.TakeProtection();
                far.TakeProtection();
            }
        }
    }
}
