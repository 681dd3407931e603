using System.Diagnostics.CodeAnalysis;
using System.Text;
using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Session;

/// <summary>
/// What is agreed before the first Noise message: one clear byte in front of message 1, and the prologue, which repeats it together with all else
/// that both sides must mean alike. Whoever changes the byte, or tells the responder another name or initiator, ends with messages that do not open.
/// </summary>
internal readonly record struct HandshakeOpening(NoisePattern Pattern, bool HasPsk, bool IsResponderKnown)
{
    /// <summary>The length of the clear byte.</summary>
    public const int Size = 1;

    /// <summary>The longest dialled name, in bytes of UTF-8: its length is one byte of the prologue.</summary>
    public const int MaxDialledSize = byte.MaxValue;

    private const byte IkFlag = 0x01;
    private const byte PskFlag = 0x02;
    private const byte ResponderKnownFlag = 0x04;
    private const byte AllFlags = IkFlag | PskFlag | ResponderKnownFlag;

    private static ReadOnlySpan<byte> Label => "porthole/1"u8;

    /// <summary>The clear byte.</summary>
    public byte ToByte() => (byte)((Pattern == NoisePattern.IK ? IkFlag : 0) | (HasPsk ? PskFlag : 0) | (IsResponderKnown ? ResponderKnownFlag : 0));

    /// <summary>Reads the clear byte; false for flags that mean nothing yet, and for IK to nobody.</summary>
    public static bool TryRead(byte value, out HandshakeOpening opening)
    {
        bool isIk = (value & IkFlag) != 0, isKnown = (value & ResponderKnownFlag) != 0;
        opening = new HandshakeOpening(isIk ? NoisePattern.IK : NoisePattern.XX, (value & PskFlag) != 0, isKnown);
        return (value & ~AllFlags) == 0 && (isKnown || !isIk);
    }

    /// <summary>Whether a dialled name fits the prologue.</summary>
    public static bool IsDialledValid([NotNullWhen(true)] string? dialled) => dialled is not null && Encoding.UTF8.GetByteCount(dialled) <= MaxDialledSize;

    /// <summary>The prologue. The responder's id stands in it only if the initiator knew it.</summary>
    public byte[] ToPrologue(SessionId session, PeerId initiator, PeerId responder, string dialled)
    {
        byte[] name = Encoding.UTF8.GetBytes(dialled);
        byte[] prologue = new byte[Label.Length + 2 + SessionId.Size + (2 * PeerId.Size) + 1 + name.Length];
        Label.CopyTo(prologue);
        var rest = prologue.AsSpan(Label.Length);
        rest[0] = Pattern switch { NoisePattern.IK => 1, NoisePattern.XX => 2 };
        rest[1] = HasPsk ? (byte)1 : (byte)0;
        session.WriteTo(rest = rest[2..]);
        initiator.WriteTo(rest = rest[SessionId.Size..]);
        (IsResponderKnown ? responder : PeerId.Unknown).WriteTo(rest = rest[PeerId.Size..]);
        rest[PeerId.Size] = (byte)name.Length;
        name.CopyTo(rest[(PeerId.Size + 1)..]);
        return prologue;
    }
}
