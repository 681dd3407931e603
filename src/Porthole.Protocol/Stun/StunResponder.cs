namespace Porthole.Protocol.Stun;

/// <summary>
/// Judges one Binding request and builds its answer (RFC 8489 section 6.3), for whatever transport brought it. Keeps nothing per client but the limits,
/// which are bounded.
/// </summary>
/// <remarks>
/// Without credentials the answer is the least there is: XOR-MAPPED-ADDRESS, and FINGERPRINT if the request had it. With credentials it carries the
/// proof as well, and is itself authenticated. Only requests are answered, so that no two servers can be made to talk to each other.
/// </remarks>
public sealed class StunResponder
{
    /// <summary>
    /// The longest answer, in bytes: header (20), mapped address, origin, other address (24 each), proof (24), SHA-256 integrity (36), fingerprint (8).
    /// </summary>
    public const int MaxAnswer = 160;

    /// <summary>The most unknown attributes that a 420 answer lists: enough to find the mistake, too few to make an answer long.</summary>
    public const int MaxUnknownListed = 4;

    private readonly StunServerOptions _options;
    private readonly StunServerKey _key;
    private readonly StunCredentialIssuer _issuer;
    private readonly SourceLimiter _anonymous;
    private readonly SourceLimiter _peers;
    private readonly SourceLimiter _total;
    private WallClock _clock;

    /// <summary>Creates a responder.</summary>
    /// <param name="options">Its limits.</param>
    /// <param name="key">The key that credentials and proofs are made with.</param>
    /// <param name="clock">What the wall clock says.</param>
    /// <param name="entropy">For the keys of the limits' tables.</param>
    public StunResponder(StunServerOptions options, StunServerKey key, WallClock clock, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(entropy);
        (_options, _key, _clock, _issuer) = (options, key, clock, new StunCredentialIssuer(key));
        _anonymous = new SourceLimiter(options.AnonymousRate, options.AnonymousBurst, options.MaxSources, entropy);
        _peers = new SourceLimiter(options.PeerRate, options.PeerBurst, options.MaxSources, entropy);
        // A tenth of a second's worth at once: more than any driver hands in together.
        _total = new SourceLimiter(options.AnonymousTotalRate, Math.Max(1, options.AnonymousTotalRate / 10), capacity: 4, entropy);
    }

    /// <summary>Takes a new reading of the wall clock.</summary>
    public void SetWallClock(WallClock clock) => _clock = clock;

    /// <summary>Judges one message.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="remote">Where it came from.</param>
    /// <param name="origin">The local address that was asked; default if it is not known.</param>
    /// <param name="other">Another address of the server's, to tell the client; default if there is none.</param>
    /// <param name="message">The message, which may be anything.</param>
    /// <param name="answer">Receives the answer: <see cref="MaxAnswer"/> bytes or more.</param>
    /// <returns>The length of the answer; 0 when there is none.</returns>
    public int Respond(
        Instant now, TransportAddress remote, TransportAddress origin, TransportAddress other, ReadOnlySpan<byte> message, Span<byte> answer)
    {
        if (remote.Port == 0 || remote.IsUnspecified || remote.IsMulticast) return 0; // nobody is there to be answered
        if (!StunReader.TryParse(message, out var request)) return 0;
        if (request.Class != StunClass.Request || request.Method != StunMethod.Binding) return 0;
        bool withFingerprint = request.Has(StunAttributeType.Fingerprint);
        if (withFingerprint && !request.HasValidFingerprint()) return 0;

        bool hasUsername = request.TryGetBytes(StunAttributeType.Username, out var username);
        bool hasSha256 = request.Has(StunAttributeType.MessageIntegritySha256);
        bool hasIntegrity = hasSha256 || request.Has(StunAttributeType.MessageIntegrity);
        Span<byte> key = stackalloc byte[StunCredentialIssuer.PasswordLength];
        if (hasUsername && hasIntegrity && _issuer.TryGetPassword(username, _clock.TimeAt(now), key, out var peer)
            && (hasSha256 ? request.HasValidIntegritySha256(key) : request.HasValidIntegrity(key)))
        {
            if (!_peers.TryTake(now, peer.Value ^ SourceLimiter.KeyOf(remote))) return 0;
            return Answer(now, remote, origin, other, request, new Asker(peer, key, hasSha256), withFingerprint, answer);
        }

        // The unproved are limited after the look at their credentials: who spoofs a peer's address cannot use up what the peer is allowed.
        if (!_anonymous.TryTake(now, SourceLimiter.KeyOf(remote)) || !_total.TryTake(now, UInt128.One)) return 0;
        if (hasUsername != hasIntegrity) return Refuse(StunErrorCode.BadRequest, request, withFingerprint, answer); // RFC 8489 section 9.1.3
        if (hasUsername) return Refuse(StunErrorCode.Unauthenticated, request, withFingerprint, answer);
        return Answer(now, remote, origin, other, request, default, withFingerprint, answer);
    }

    private int Answer(
        Instant now, TransportAddress remote, TransportAddress origin, TransportAddress other, StunReader request, Asker asker, bool withFingerprint,
        Span<byte> answer)
    {
        Span<StunAttributeType> unknown = stackalloc StunAttributeType[MaxUnknownListed];
        unknown = unknown[..request.GetUnknownAttributes(unknown)];
        var messageClass = unknown.IsEmpty ? StunClass.SuccessResponse : StunClass.ErrorResponse;
        var writer = new StunWriter(answer, messageClass, StunMethod.Binding, request.TransactionId);
        if (!unknown.IsEmpty)
        {
            writer.WriteErrorCode(StunErrorCode.UnknownAttribute, withReason: asker.IsKnown);
            writer.WriteUnknownAttributes(unknown);
        }
        else
        {
            writer.WriteXorAddress(StunAttributeType.XorMappedAddress, remote);
            if (asker.IsKnown) WriteFindings(now, remote, origin, other, request, asker.Peer, ref writer);
        }

        if (asker.IsKnown && asker.WantsSha256) writer.WriteIntegritySha256(asker.Key); // the kind that was asked with (RFC 8489 section 9.1.4)
        else if (asker.IsKnown) writer.WriteIntegrity(asker.Key);
        if (withFingerprint) writer.WriteFingerprint();
        return writer.Length;
    }

    private void WriteFindings(
        Instant now, TransportAddress remote, TransportAddress origin, TransportAddress other, StunReader request, PeerTag peer, ref StunWriter writer)
    {
        if (origin != default && !origin.IsUnspecified) writer.WriteAddress(StunAttributeType.ResponseOrigin, origin);
        if (other != default && !other.IsUnspecified) writer.WriteAddress(StunAttributeType.OtherAddress, other);
        if (!request.TryGetAddress(StunAttributeType.LocalCandidate, out var local)) return;
        Span<byte> token = stackalloc byte[ReflexiveProof.Size];
        ReflexiveProof.Issue(_key, peer, remote, local, _clock.TimeAt(now) + _options.ProofLifetime, token);
        writer.WriteBytes(StunAttributeType.ReflexiveProof, token);
    }

    private static int Refuse(StunErrorCode code, StunReader request, bool withFingerprint, Span<byte> answer)
    {
        var writer = new StunWriter(answer, StunClass.ErrorResponse, StunMethod.Binding, request.TransactionId);
        writer.WriteErrorCode(code, withReason: false); // nobody proved to be there: the answer is short
        if (withFingerprint) writer.WriteFingerprint();
        return writer.Length;
    }

    /// <summary>Who asks, once the credentials are found right; default for anybody.</summary>
    private readonly ref struct Asker(PeerTag peer, ReadOnlySpan<byte> key, bool wantsSha256)
    {
        public PeerTag Peer { get; } = peer;
        public ReadOnlySpan<byte> Key { get; } = key;
        public bool WantsSha256 { get; } = wantsSha256;
        public bool IsKnown => !Key.IsEmpty;
    }
}
