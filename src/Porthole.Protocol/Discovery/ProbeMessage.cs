using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>The question "what do you see?" and how its answer is judged, over any transport: pure functions.</summary>
internal static class ProbeMessage
{
    /// <summary>Header, CHANGE-REQUEST (8), local candidate (24), the longest user name (4 + 508), SHA-256 integrity (36), fingerprint (8).</summary>
    public const int MaxRequest = 20 + 8 + 24 + 4 + ShortTermCredential.MaxUsernameLength + 36 + 8;

    /// <summary>What a large datagram holds, in bytes of UDP payload: what a QUIC or sealed path is first tried with (RFC 9000 section 14.1), and fits IPv6's smallest link.</summary>
    public const int LargeDatagram = 1_200;

    /// <summary>The longest proof that is kept, in bytes: what a registration takes. Its form is the server's business.</summary>
    public const int MaxProof = 192;

    /// <summary>Servers that can be asked: possible ones, each once, not more than the limit.</summary>
    public static IEnumerable<TransportAddress> Usable(IEnumerable<TransportAddress> servers) =>
        servers.Where(static server => server.Port != 0 && !server.IsUnspecified && !server.IsMulticast).Distinct().Take(NatProbe.MaxServers);

    /// <summary>Whether a packet can get there at all: nothing leaves a host from a loopback address, or a link from a link-local one.</summary>
    public static bool CanReach(TransportAddress local, TransportAddress server) =>
        local.IsIPv6 == server.IsIPv6 && (!local.IsLoopback || server.IsLoopback) && (!local.IsLinkLocal || server.IsLinkLocal);

    /// <summary>Writes a request.</summary>
    /// <param name="destination">Room for <see cref="MaxRequest"/> bytes.</param>
    /// <param name="id">Its id.</param>
    /// <param name="shown">The local address as the server may see it, which the proof is bound to.</param>
    /// <param name="credential">The credential; null asks for no proof.</param>
    /// <returns>Its length.</returns>
    public static int WriteRequest(Span<byte> destination, TransactionId id, TransportAddress shown, ShortTermCredential? credential)
    {
        var request = new StunWriter(destination, StunClass.Request, StunMethod.Binding, id);
        if (credential is not null)
        {
            request.WriteAddress(StunAttributeType.LocalCandidate, shown);
            request.WriteBytes(StunAttributeType.Username, credential.UsernameBytes);
            request.WriteIntegritySha256(credential.Key);
        }

        request.WriteFingerprint();
        return request.Length;
    }

    /// <summary>Writes the request of a trial; what it wants is the server's own words (RFC 5780 section 7).</summary>
    /// <param name="destination">Room for <see cref="LargeDatagram"/> bytes.</param>
    /// <param name="kind">Which trial.</param>
    /// <param name="id">Its id.</param>
    /// <param name="credential">The credential; null asks without.</param>
    /// <returns>Its length.</returns>
    public static int WriteTrial(Span<byte> destination, NatQuestionKind kind, TransactionId id, ShortTermCredential? credential)
    {
        var request = new StunWriter(destination, StunClass.Request, StunMethod.Binding, id);
        if (kind == NatQuestionKind.OtherPort) request.WriteUInt32(StunAttributeType.ChangeRequest, ChangeRequest.Port);
        if (kind == NatQuestionKind.OtherHost) request.WriteUInt32(StunAttributeType.ChangeRequest, ChangeRequest.Port | ChangeRequest.Host);
        if (kind == NatQuestionKind.Hairpin) credential = null; // it goes to no server
        if (kind == NatQuestionKind.Large) request.WriteZeros(StunAttributeType.Padding, LargeDatagram - request.Length - SizeOfTail(credential) - StunHeader.AttributeHeaderSize);
        if (credential is not null)
        {
            request.WriteBytes(StunAttributeType.Username, credential.UsernameBytes);
            request.WriteIntegritySha256(credential.Key);
        }

        request.WriteFingerprint();
        return request.Length;
    }

    private static int SizeOfTail(ShortTermCredential? credential)
    {
        int fingerprint = StunHeader.AttributeHeaderSize + Fingerprint.Size;
        if (credential is null) return fingerprint;
        return StunHeader.AttributeHeaderSize + StunHeader.Pad(credential.UsernameBytes.Length) + StunHeader.AttributeHeaderSize + MessageIntegrity.Sha256Size + fingerprint;
    }

    /// <summary>Whether a message answers a question of some probe.</summary>
    public static bool IsAnswer(StunReader message) =>
        message.Class is StunClass.SuccessResponse or StunClass.ErrorResponse && message.Method == StunMethod.Binding;

    /// <summary>Judges an answer from the server that was asked, under the id of the question.</summary>
    /// <param name="message">The answer.</param>
    /// <param name="credential">The credential of the question.</param>
    /// <param name="local">The address that was asked from.</param>
    /// <param name="mapped">What the server saw, if it says so.</param>
    /// <param name="proof">The proof of that; empty if there is none.</param>
    public static ProbeVerdict Judge(
        StunReader message, ShortTermCredential? credential, TransportAddress local, out TransportAddress mapped, out ReadOnlySpan<byte> proof)
    {
        mapped = default;
        proof = default;
        bool isGenuine = credential is null || message.HasValidIntegritySha256(credential.Key);
        if (message.Class == StunClass.ErrorResponse)
        {
            // Who does not know the key cannot sign: these two come without integrity (RFC 8489 section 9.1.4).
            if (!message.TryGetErrorCode(out var code, out _)) return ProbeVerdict.Worthless;
            if (!isGenuine && code is not (StunErrorCode.BadRequest or StunErrorCode.Unauthenticated)) return ProbeVerdict.Worthless;
            return code == StunErrorCode.Unauthenticated ? ProbeVerdict.CredentialRefused : ProbeVerdict.Refused;
        }

        if (!isGenuine || !message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out mapped) || !IsPossible(mapped, local)) return ProbeVerdict.Worthless;
        if (message.TryGetBytes(StunAttributeType.ReflexiveProof, out var token) && token.Length <= MaxProof) proof = token;
        return ProbeVerdict.Mapped;
    }

    /// <summary>Whether somebody can have seen this: the answer's author may be anybody's server.</summary>
    private static bool IsPossible(TransportAddress mapped, TransportAddress local) =>
        mapped.Port != 0 && mapped.IsIPv6 == local.IsIPv6 && !mapped.IsUnspecified && !mapped.IsMulticast;
}

/// <summary>What an answer is worth.</summary>
internal enum ProbeVerdict
{
    /// <summary>Forged, broken or impossible: as if it had not come.</summary>
    Worthless,

    /// <summary>It says what the server saw.</summary>
    Mapped,

    /// <summary>The server refuses to say.</summary>
    Refused,

    /// <summary>The server does not take the credential.</summary>
    CredentialRefused,
}
