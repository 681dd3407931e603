using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>
/// Judges one Binding request and builds its answer (RFC 8489 section 6.3), for whatever transport brought it. Keeps nothing per client but the limits,
/// which are bounded.
/// </summary>
/// <remarks>
/// Without credentials the answer is the least there is: XOR-MAPPED-ADDRESS, and FINGERPRINT if the request had it; where the server has a second host it tells
/// its addresses as RFC 5780 section 6.1 asks. With credentials it carries the proof as well, and is itself authenticated. Only requests are answered, so that no
/// two servers can be made to talk to each other. What lets an answer go to another port, or makes it long, takes credentials.
/// </remarks>
public sealed class StunResponder
{
    /// <summary>
    /// The longest answer, in bytes: header (20), mapped address, origin, other address (24 each), proof (24), SHA-256 integrity (36), fingerprint (8).
    /// </summary>
    public const int MaxAnswer = 160;

    /// <summary>The longest answer to a request with PADDING, in bytes of UDP payload: what fits the smallest link of IPv6 (RFC 8200 section 5: 1,280).</summary>
    public const int MaxPaddedAnswer = 1_280 - 40 - 8;

    /// <summary>The least port that RESPONSE-PORT may name: below are those of services, which nobody asks from (RFC 6335 section 6).</summary>
    public const ushort MinResponsePort = 1_024;

    /// <summary>The most unknown attributes that a 420 answer lists: enough to find the mistake, too few to make an answer long.</summary>
    public const int MaxUnknownListed = 4;

    // CHANGE-REQUEST is the last, for it may be refused to both.
    private static readonly StunAttributeType[] s_servedToPeers = [StunAttributeType.ResponsePort, StunAttributeType.Padding, StunAttributeType.ChangeRequest];
    private static readonly StunAttributeType[] s_servedToStrangers = [StunAttributeType.ChangeRequest];

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

    /// <summary>Judges one message that is answered where it was received, to where it came from.</summary>
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
        var place = new Place(remote, origin, other, asked: null);
        return Respond(now, ref place, message, answer);
    }

    /// <summary>Judges one message that came to a UDP socket and may be answered from another (RFC 5780).</summary>
    /// <param name="now">The moment.</param>
    /// <param name="remote">Where it came from.</param>
    /// <param name="asked">The socket it came to, with its alternates.</param>
    /// <param name="message">The message, which may be anything.</param>
    /// <param name="answer">Receives the answer: <see cref="MaxPaddedAnswer"/> bytes or more.</param>
    /// <param name="route">Which way the answer goes.</param>
    /// <returns>The length of the answer; 0 when there is none.</returns>
    internal int Respond(Instant now, TransportAddress remote, StunEndpoint asked, ReadOnlySpan<byte> message, Span<byte> answer, out StunRoute route)
    {
        var place = new Place(remote, asked.Local, asked.Other, asked);
        int length = Respond(now, ref place, message, answer);
        route = new StunRoute(place.From ?? asked, place.To);
        return length;
    }

    private int Respond(Instant now, ref Place place, ReadOnlySpan<byte> message, Span<byte> answer)
    {
        var remote = place.Remote;
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
            return Answer(now, ref place, request, new Asker(peer, key, hasSha256), withFingerprint, answer);
        }

        // The unproved are limited after the look at their credentials: who spoofs a peer's address cannot use up what the peer is allowed.
        if (!_anonymous.TryTake(now, SourceLimiter.KeyOf(remote)) || !_total.TryTake(now, UInt128.One)) return 0;
        if (hasUsername != hasIntegrity) return Refuse(StunErrorCode.BadRequest, request, withFingerprint, answer); // RFC 8489 section 9.1.3
        if (hasUsername) return Refuse(StunErrorCode.Unauthenticated, request, withFingerprint, answer);
        return Answer(now, ref place, request, default, withFingerprint, answer);
    }

    private int Answer(Instant now, ref Place place, StunReader request, Asker asker, bool withFingerprint, Span<byte> answer)
    {
        var error = Steer(ref place, request, asker, out var refused);
        Span<StunAttributeType> unknown = stackalloc StunAttributeType[MaxUnknownListed];
        unknown = error == StunErrorCode.BadRequest ? [] : unknown[..request.GetUnknownAttributes(unknown, Served(place, asker, refused))];
        if (!unknown.IsEmpty) error = StunErrorCode.UnknownAttribute;
        var messageClass = error == StunErrorCode.None ? StunClass.SuccessResponse : StunClass.ErrorResponse;
        var writer = new StunWriter(answer, messageClass, StunMethod.Binding, request.TransactionId);
        if (error != StunErrorCode.None)
        {
            place.Reset();
            writer.WriteErrorCode(error, withReason: asker.IsKnown);
            if (!unknown.IsEmpty) writer.WriteUnknownAttributes(unknown);
        }
        else
        {
            writer.WriteXorAddress(StunAttributeType.XorMappedAddress, place.Remote);
            if (asker.IsKnown || place.Asked is { HasOtherHost: true }) WriteAddresses(place, ref writer);
            if (asker.IsKnown && place.To == place.Remote) WriteProof(now, place.Remote, request, asker.Peer, ref writer);
            if (request.Has(StunAttributeType.Padding)) WritePadding(request, asker, withFingerprint, answer.Length, ref writer);
        }

        if (asker.IsKnown && asker.WantsSha256) writer.WriteIntegritySha256(asker.Key); // the kind that was asked with (RFC 8489 section 9.1.4)
        else if (asker.IsKnown) writer.WriteIntegrity(asker.Key);
        if (withFingerprint) writer.WriteFingerprint();
        return writer.Length;
    }

    /// <summary>Finds the way that the client wants the answer to go: CHANGE-REQUEST and RESPONSE-PORT (RFC 5780 sections 7.2 and 7.5).</summary>
    /// <param name="place">Takes the way.</param>
    /// <param name="request">The request.</param>
    /// <param name="asker">Who asks.</param>
    /// <param name="refused">An attribute that is well-formed and cannot be done; else <see cref="StunAttributeType.Reserved"/>.</param>
    private static StunErrorCode Steer(ref Place place, StunReader request, Asker asker, out StunAttributeType refused)
    {
        refused = StunAttributeType.Reserved;
        if (place.Asked is not { } asked) return StunErrorCode.None; // over TCP nothing of this can be done
        if (request.Has(StunAttributeType.ChangeRequest))
        {
            if (!request.TryGetUInt32(StunAttributeType.ChangeRequest, out uint flags)) return StunErrorCode.BadRequest;
            place.From = asked.Change((flags & ChangeRequest.Host) != 0, (flags & ChangeRequest.Port) != 0);
            if (place.From is null) refused = StunAttributeType.ChangeRequest; // RFC 5780 section 6.1: without an alternate the answer is 420
        }

        if (!asker.IsKnown || !request.TryGetBytes(StunAttributeType.ResponsePort, out var value)) return StunErrorCode.None;
        if (request.Has(StunAttributeType.Padding) || value.Length is not (2 or 4)) return StunErrorCode.BadRequest; // section 6.1: not both
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(value);
        if (port < MinResponsePort) return StunErrorCode.BadRequest;
        place.To = place.Remote.WithPort(port);
        return StunErrorCode.None;
    }

    /// <summary>The attributes of RFC 5780 that this request may hold: whatever it may not is answered as if it were not known.</summary>
    private static ReadOnlySpan<StunAttributeType> Served(in Place place, Asker asker, StunAttributeType refused)
    {
        if (place.Asked is null) return [];
        var all = asker.IsKnown ? s_servedToPeers : s_servedToStrangers;
        return refused == StunAttributeType.ChangeRequest ? all.AsSpan(0, all.Length - 1) : all;
    }

    private static void WriteAddresses(in Place place, ref StunWriter writer)
    {
        var origin = place.From?.Local ?? place.Origin;
        if (origin != default && !origin.IsUnspecified) writer.WriteAddress(StunAttributeType.ResponseOrigin, origin);
        if (place.Other != default && !place.Other.IsUnspecified) writer.WriteAddress(StunAttributeType.OtherAddress, place.Other);
    }

    /// <summary>Proves the address that the answer goes to; an answer to another port proves nothing.</summary>
    private void WriteProof(Instant now, TransportAddress remote, StunReader request, PeerTag peer, ref StunWriter writer)
    {
        if (!request.TryGetAddress(StunAttributeType.LocalCandidate, out var local)) return;
        Span<byte> token = stackalloc byte[ReflexiveProof.Size];
        ReflexiveProof.Issue(_key, peer, remote, local, _clock.TimeAt(now) + _options.ProofLifetime, token);
        writer.WriteBytes(StunAttributeType.ReflexiveProof, token);
    }

    /// <summary>Makes the answer as long as the request (RFC 5780 section 7.6), and never longer: nobody is sent more than was sent in his name.</summary>
    private static void WritePadding(StunReader request, Asker asker, bool withFingerprint, int room, ref StunWriter writer)
    {
        int tail = StunHeader.AttributeHeaderSize + (asker.WantsSha256 ? MessageIntegrity.Sha256Size : MessageIntegrity.Size);
        if (withFingerprint) tail += StunHeader.AttributeHeaderSize + Fingerprint.Size;
        int size = Math.Min(Math.Min(request.Message.Length, MaxPaddedAnswer), room) - writer.Length - tail - StunHeader.AttributeHeaderSize;
        if (size > 0) writer.WriteZeros(StunAttributeType.Padding, size);
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

    /// <summary>Where a request came to and from, and which way its answer goes.</summary>
    private struct Place(TransportAddress remote, TransportAddress origin, TransportAddress other, StunEndpoint? asked)
    {
        public TransportAddress Remote { get; } = remote;

        public TransportAddress Origin { get; } = origin;

        public TransportAddress Other { get; } = other;

        /// <summary>The UDP socket that was asked; null where answers cannot be steered.</summary>
        public StunEndpoint? Asked { get; } = asked;

        public StunEndpoint? From { get; set; } = asked;

        public TransportAddress To { get; set; } = remote;

        public void Reset() => (From, To) = (Asked, Remote);
    }
}

/// <summary>Which way an answer goes.</summary>
/// <param name="From">The socket it leaves.</param>
/// <param name="To">Where to.</param>
internal readonly record struct StunRoute(StunEndpoint From, TransportAddress To);

/// <summary>The flags of CHANGE-REQUEST (RFC 5780 section 7.2).</summary>
internal static class ChangeRequest
{
    /// <summary>A: answer from another IP address.</summary>
    public const uint Host = 0x04;

    /// <summary>B: answer from another port.</summary>
    public const uint Port = 0x02;
}
