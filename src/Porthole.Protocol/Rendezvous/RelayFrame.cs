namespace Porthole.Protocol.Rendezvous;

/// <summary>A packet on its way through the relay: one byte 0x03, the session id (8 bytes), then the packet as it is on every other path.</summary>
public static class RelayFrame
{
    /// <summary>The bytes before the packet.</summary>
    public const int HeaderSize = 1 + SessionId.Size;

    /// <summary>The longest frame the server passes on: 16 kB hold the largest packet of a reliable path (16,000 bytes) with its header.</summary>
    public const int MaxSize = 16 * 1024;

    /// <summary>Writes the header that precedes each packet of a session on the relay.</summary>
    /// <param name="destination">At least <see cref="HeaderSize"/> bytes.</param>
    /// <param name="session">The session.</param>
    public static void WriteHeader(Span<byte> destination, SessionId session)
    {
        destination[0] = (byte)MainMessageKind.Relay;
        session.WriteTo(destination[1..]);
    }

    /// <summary>Reads a frame in place.</summary>
    /// <returns>False when it is no relay frame, names no session, is empty or too long.</returns>
    public static bool TryParse(Span<byte> message, out SessionId session, out Span<byte> packet)
    {
        packet = default;
        if (!TryReadSession(message, out session)) return false;
        packet = message[HeaderSize..];
        return true;
    }

    /// <summary>Reads the session that a frame belongs to, which is all the relay looks at.</summary>
    /// <returns>False when it is no relay frame, names no session, is empty or too long.</returns>
    public static bool TryReadSession(ReadOnlySpan<byte> message, out SessionId session)
    {
        session = default;
        if (message.Length is <= HeaderSize or > MaxSize || message[0] != (byte)MainMessageKind.Relay) return false;
        session = SessionId.Read(message[1..]);
        return session != default;
    }
}
