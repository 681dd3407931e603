using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Porthole.Protocol.Stun;

/// <summary>
/// The proof that a peer receives at an address: a token that the STUN server sends to the mapped address itself and that nobody else could make.
/// MAC(peer, mapped address, local candidate, expiry), stateless: the rendezvous server checks it when the peer registers the address.
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |            Expiry (seconds since 1970, 32 bits)               |
/// |            HMAC-SHA256, first 128 bits                        |
/// </code>
/// </summary>
public static class ReflexiveProof
{
    /// <summary>The length of a token, in bytes.</summary>
    public const int Size = sizeof(uint) + MacSize;

    /// <summary>How long a token is good unless said otherwise: more than three refreshes of a mapping (under 27 s each), so that a lost one does no harm.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromSeconds(90);

    private const int MacSize = 16;

    /// <summary>Address length, address in 16 bytes, port: of one length for both families, so that no two inputs share their bytes.</summary>
    private const int AddressSize = 1 + 16 + sizeof(ushort);

    private const int InputSize = PeerTag.Size + 2 * AddressSize + sizeof(uint);

    /// <summary>Makes a token.</summary>
    /// <param name="key">The server's key.</param>
    /// <param name="peer">Who asked.</param>
    /// <param name="mapped">The address the question came from, and the answer goes to.</param>
    /// <param name="local">The local candidate that the question named.</param>
    /// <param name="expiry">Wall-clock time until which the token is good.</param>
    /// <param name="token">Receives <see cref="Size"/> bytes.</param>
    public static void Issue(StunServerKey key, PeerTag peer, TransportAddress mapped, TransportAddress local, DateTimeOffset expiry, Span<byte> token)
    {
        ArgumentNullException.ThrowIfNull(key);
        uint seconds = (uint)expiry.ToUnixTimeSeconds();
        BinaryPrimitives.WriteUInt32BigEndian(token, seconds);
        Compute(key, peer, mapped, local, seconds, token[sizeof(uint)..Size]);
    }

    /// <summary>Checks a token.</summary>
    /// <param name="key">The server's key.</param>
    /// <param name="peer">The peer that presents it, as it proved itself.</param>
    /// <param name="mapped">The address that it claims.</param>
    /// <param name="local">The local candidate behind that address.</param>
    /// <param name="now">Wall-clock time.</param>
    /// <param name="token">The token, as it came.</param>
    /// <returns>False when it is for another peer or address, forged, malformed or expired.</returns>
    public static bool TryVerify(
        StunServerKey key, PeerId peer, TransportAddress mapped, TransportAddress local, DateTimeOffset now, ReadOnlySpan<byte> token)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (token.Length != Size) return false;
        uint seconds = BinaryPrimitives.ReadUInt32BigEndian(token);
        if (seconds <= now.ToUnixTimeSeconds()) return false;
        Span<byte> expected = stackalloc byte[MacSize];
        Compute(key, key.TagOf(peer), mapped, local, seconds, expected);
        return CryptographicOperations.FixedTimeEquals(expected, token[sizeof(uint)..]);
    }

    private static void Compute(StunServerKey key, PeerTag peer, TransportAddress mapped, TransportAddress local, uint expiry, Span<byte> mac)
    {
        Span<byte> input = stackalloc byte[InputSize];
        input.Clear();
        peer.WriteTo(input);
        WriteAddress(input[PeerTag.Size..], mapped);
        WriteAddress(input[(PeerTag.Size + AddressSize)..], local);
        BinaryPrimitives.WriteUInt32BigEndian(input[(InputSize - sizeof(uint))..], expiry);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.ProofKey, input, hash);
        hash[..MacSize].CopyTo(mac);
    }

    private static void WriteAddress(Span<byte> destination, TransportAddress address)
    {
        destination[0] = (byte)address.WriteAddress(destination[1..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[(AddressSize - sizeof(ushort))..], address.Port);
    }
}
