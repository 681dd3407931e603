using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>
/// Walks over the attributes of a message in their order and leaves out those that must be ignored: what follows MESSAGE-INTEGRITY other than
/// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, and what follows either of these (RFC 8489 sections 14.5 to 14.7). Nothing unauthenticated comes through.
/// </summary>
public ref struct StunAttributeEnumerator
{
    private readonly ReadOnlySpan<byte> _message;
    private int _next = StunHeader.Size;
    private Tail _tail;

    internal StunAttributeEnumerator(ReadOnlySpan<byte> message) => _message = message;

    private enum Tail { None, Integrity, IntegritySha256, Fingerprint }

    /// <summary>The attribute that the last <see cref="MoveNext"/> found.</summary>
    public StunAttribute Current { get; private set; }

    /// <summary>Goes to the next attribute.</summary>
    /// <returns>False at the end.</returns>
    public bool MoveNext()
    {
        while (_next < _message.Length && TryRead(_message, _next, out var attribute, out _next))
        {
            var reached = attribute.Type switch
            {
                StunAttributeType.MessageIntegrity => Tail.Integrity,
                StunAttributeType.MessageIntegritySha256 => Tail.IntegritySha256,
                StunAttributeType.Fingerprint => Tail.Fingerprint,
                _ => Tail.None,
            };
            if (_tail != Tail.None && reached <= _tail) continue;
            _tail = reached;
            Current = attribute;
            return true;
        }

        return false;
    }

    /// <summary>Reads the attribute at <paramref name="offset"/>; false when it does not fit into the message.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> message, int offset, out StunAttribute attribute, out int next)
    {
        attribute = default;
        next = message.Length;
        if (message.Length - offset < StunHeader.AttributeHeaderSize) return false;
        var type = (StunAttributeType)BinaryPrimitives.ReadUInt16BigEndian(message[offset..]);
        int length = BinaryPrimitives.ReadUInt16BigEndian(message[(offset + 2)..]);
        int start = offset + StunHeader.AttributeHeaderSize;
        if (StunHeader.Pad(length) > message.Length - start) return false;
        attribute = new StunAttribute(type, message.Slice(start, length), offset);
        next = start + StunHeader.Pad(length);
        return true;
    }
}
