using System.Text;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>The Binding requests and answers of connectivity checks (RFC 8445 sections 7.1, 7.3), under both agents' credentials.</summary>
internal sealed class CheckMessage
{
    /// <summary>The largest message: the longest username of RFC 8489 section 14.3 and every attribute of ours.</summary>
    public const int MaxSize = 768;

    // STUN's header, then USERNAME without its value, PRIORITY, the role, MESSAGE-INTEGRITY and FINGERPRINT.
    private const int ProbeFrame = StunHeader.Size + 4 + 8 + 12 + 24 + 8;
    private static readonly uint s_probePriority = CandidatePriority.Compute(CandidateType.PeerReflexive, CandidatePriority.HighestLocalPreference);

    private readonly byte[] _localPassword;
    private readonly byte[] _localPrefix;
    private readonly StunAttributeType[] _unknown = new StunAttributeType[1];
    private byte[] _remotePassword = [];
    private byte[] _outgoingUsername = [];
    private byte[] _incomingUsername = [];

    public CheckMessage(IceCredentials local)
    {
        Local = local;
        _localPassword = Encoding.ASCII.GetBytes(local.Password);
        _localPrefix = Encoding.ASCII.GetBytes(local.UsernameFragment + ":");
    }

    public IceCredentials Local { get; }

    public IceCredentials? Remote { get; private set; }

    public void SetRemote(IceCredentials remote)
    {
        Remote = remote;
        _remotePassword = Encoding.ASCII.GetBytes(remote.Password);
        _outgoingUsername = Encoding.ASCII.GetBytes($"{remote.UsernameFragment}:{Local.UsernameFragment}");
        _incomingUsername = Encoding.ASCII.GetBytes($"{Local.UsernameFragment}:{remote.UsernameFragment}");
    }

    /// <summary>Whether a request names this agent (RFC 8445 section 7.2.2): then no other agent needs to look at it.</summary>
    public bool IsForUs(in StunReader request, out ReadOnlySpan<byte> remoteFragment)
    {
        remoteFragment = default;
        if (!request.TryGetBytes(StunAttributeType.Username, out var username) || !username.StartsWith(_localPrefix)) return false;
        remoteFragment = username[_localPrefix.Length..];
        return true;
    }

    /// <summary>
    /// Whether a request that names this agent is genuine: its password, and the other agent's fragment as far as it is known. A FINGERPRINT must be
    /// right if it is there; the integrity makes it dispensable, and some agents leave it out.
    /// </summary>
    public bool IsAuthentic(in StunReader request)
    {
        if (request.Has(StunAttributeType.Fingerprint) && !request.HasValidFingerprint()) return false;
        request.TryGetBytes(StunAttributeType.Username, out var username);
        if (Remote is not null && !username.SequenceEqual(_incomingUsername)) return false;
        return request.HasValidIntegrity(_localPassword);
    }

    /// <summary>Whether an answer was made by the other agent.</summary>
    public bool IsAuthenticAnswer(in StunReader answer) =>
        Remote is not null
        && (!answer.Has(StunAttributeType.Fingerprint) || answer.HasValidFingerprint())
        && answer.HasValidIntegrity(_remotePassword);

    public int WriteRequest(Span<byte> buffer, ConnectivityCheck check)
    {
        var writer = Begin(buffer, check.Id, check.Priority, check.Role, check.TieBreaker);
        if (check.UseCandidate) writer.WriteFlag(StunAttributeType.UseCandidate);
        return End(writer);
    }

    /// <summary>Writes a check that belongs to no pair, from a socket whose address nobody signalled.</summary>
    /// <returns>Its length; 0 when the credentials are too long for <see cref="IceOptions.ProbeLimit"/>.</returns>
    public int WriteProbe(Span<byte> buffer, in TransactionId id, IceRole role, ulong tieBreaker)
    {
        if (ProbeFrame + StunHeader.Pad(_outgoingUsername.Length) > IceOptions.ProbeLimit) return 0;
        return End(Begin(buffer, id, s_probePriority, role, tieBreaker));
    }

    public int WriteAnswer(Span<byte> buffer, in PendingAnswer answer)
    {
        bool success = answer.Error == StunErrorCode.None;
        var writer = new StunWriter(buffer, success ? StunClass.SuccessResponse : StunClass.ErrorResponse, StunMethod.Binding, answer.Id);
        if (success) writer.WriteXorAddress(StunAttributeType.XorMappedAddress, answer.Remote);
        else writer.WriteErrorCode(answer.Error);
        if (answer.Error == StunErrorCode.UnknownAttribute)
        {
            _unknown[0] = answer.Unknown;
            writer.WriteUnknownAttributes(_unknown);
        }

        writer.WriteIntegrity(_localPassword);
        writer.WriteFingerprint();
        return writer.Length;
    }

    private StunWriter Begin(Span<byte> buffer, in TransactionId id, uint priority, IceRole role, ulong tieBreaker)
    {
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, id);
        writer.WriteBytes(StunAttributeType.Username, _outgoingUsername);
        writer.WriteUInt32(StunAttributeType.Priority, priority);
        writer.WriteUInt64(role == IceRole.Controlling ? StunAttributeType.IceControlling : StunAttributeType.IceControlled, tieBreaker);
        return writer;
    }

    private int End(StunWriter writer)
    {
        writer.WriteIntegrity(_remotePassword);
        writer.WriteFingerprint();
        return writer.Length;
    }
}
