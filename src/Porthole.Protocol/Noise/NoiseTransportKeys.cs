using System.Security.Cryptography;

namespace Porthole.Protocol.Noise;

/// <summary>The two keys a finished handshake gives (Noise section 5.2, Split), 32 bytes each. They never print; disposing clears them.</summary>
public sealed class NoiseTransportKeys : IDisposable
{
    /// <summary>The length of each key, in bytes.</summary>
    public const int KeySize = 32;

    private readonly byte[] _initiatorToResponder;
    private readonly byte[] _responderToInitiator;

    internal NoiseTransportKeys(byte[] initiatorToResponder, byte[] responderToInitiator)
    {
        _initiatorToResponder = initiatorToResponder;
        _responderToInitiator = responderToInitiator;
    }

    /// <summary>The key of what the initiator sends.</summary>
    public ReadOnlySpan<byte> InitiatorToResponder => _initiatorToResponder;

    /// <summary>The key of what the responder sends.</summary>
    public ReadOnlySpan<byte> ResponderToInitiator => _responderToInitiator;

    /// <summary>Clears both keys.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_initiatorToResponder);
        CryptographicOperations.ZeroMemory(_responderToInitiator);
    }

    /// <inheritdoc/>
    public override string ToString() => "NoiseTransportKeys(…)";
}
