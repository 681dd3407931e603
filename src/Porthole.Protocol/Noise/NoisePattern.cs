namespace Porthole.Protocol.Noise;

/// <summary>The handshake patterns in use (Noise section 7.5).</summary>
public enum NoisePattern
{
    /// <summary>The initiator knows the responder's static key and sends its own in message 1; two messages.</summary>
    IK,

    /// <summary>Neither knows the other; both static keys travel encrypted; three messages.</summary>
    XX,
}
