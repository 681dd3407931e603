namespace Porthole.Protocol.Rendezvous;

/// <summary>What one message on the main connection is: its first byte. Every message is one WebSocket binary message.</summary>
public enum MainMessageKind : byte
{
    /// <summary>A Noise handshake message, after one byte that names the pattern in the first and is 0 in the others.</summary>
    Hello = 0x01,

    /// <summary>A control message: JSON, sealed with the keys of the hello.</summary>
    Control = 0x02,

    /// <summary>A relayed packet: a session id, then one packet that is sealed end to end. See <see cref="RelayFrame"/>.</summary>
    Relay = 0x03,

    /// <summary>
    /// A refusal in the clear, before there are keys: one byte, the <see cref="RendezvousError"/>. A hint for the user, never more: anyone on the way
    /// can forge it.
    /// </summary>
    Refusal = 0x04,
}
