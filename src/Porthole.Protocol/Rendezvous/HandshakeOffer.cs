namespace Porthole.Protocol.Rendezvous;

/// <summary>The first handshake message of a session, which travels with the connect request and the push; the server cannot read or change it unnoticed.</summary>
/// <param name="Pattern">The Noise pattern, with or without a pre-shared key.</param>
/// <param name="Message">The message as it would be sent on a path, 1 to 1,200 bytes.</param>
public sealed record HandshakeOffer(HandshakePattern Pattern, ReadOnlyMemory<byte> Message);

/// <summary>The Noise pattern of a session's handshake.</summary>
public enum HandshakePattern
{
    /// <summary>IK: the initiator has the responder's key.</summary>
    IK,

    /// <summary>XX: it has not.</summary>
    XX,

    /// <summary>IK with a pre-shared key.</summary>
    IKpsk2,

    /// <summary>XX with a pre-shared key.</summary>
    XXpsk2,
}
