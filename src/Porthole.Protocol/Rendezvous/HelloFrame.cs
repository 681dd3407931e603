using System.Text;
using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// The hello of a main connection: a Noise handshake, each message after two bytes: 0x01, and in the first message the pattern (1 IK, 2 XX), else 0. The
/// label in the prologue keeps these handshakes apart from those of sessions; no message carries a payload, because the first could be replayed.
/// </summary>
internal static class HelloFrame
{
    public const int HeaderSize = 2;

    /// <summary>The longest hello message: header, two keys and two tags.</summary>
    public const int MaxSize = HeaderSize + NoiseHandshake.MaxOverhead;

    private const byte IK = 1, XX = 2;

    public static byte[] Prologue(NoisePattern pattern) => Encoding.ASCII.GetBytes($"porthole/{RendezvousLimits.Version} rendezvous {pattern}");

    public static byte[] Write(NoiseHandshake handshake, bool isFirst)
    {
        Span<byte> message = stackalloc byte[MaxSize];
        message[0] = (byte)MainMessageKind.Hello;
        message[1] = isFirst ? handshake.Pattern switch { NoisePattern.IK => IK, NoisePattern.XX => XX } : (byte)0;
        int length = HeaderSize + handshake.WriteMessage(default, message[HeaderSize..]);
        return message[..length].ToArray();
    }

    /// <summary>Reads a message of a handshake; payloads are not taken.</summary>
    public static bool TryRead(NoiseHandshake handshake, ReadOnlySpan<byte> message, bool isFirst) =>
        message.Length is >= HeaderSize and <= MaxSize && (isFirst || message[1] == 0) && handshake.TryReadMessage(message[HeaderSize..], default, out _);

    public static bool TryReadPattern(ReadOnlySpan<byte> message, out NoisePattern pattern)
    {
        pattern = message is [_, IK, ..] ? NoisePattern.IK : NoisePattern.XX;
        return message is [_, IK or XX, ..];
    }
}
