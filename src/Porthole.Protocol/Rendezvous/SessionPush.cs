using System.Text.Json.Serialization;

namespace Porthole.Protocol.Rendezvous;

/// <summary>The one push that begins a session, to each side at the same moment.</summary>
/// <param name="Session">The session.</param>
/// <param name="IsInitiator">Whether this side's connect made the session: it is the initiator of the handshake.</param>
/// <param name="RemoteKey">The other side's public key. At first contact by name the server chooses it: what is pinned wins.</param>
/// <param name="RemoteName">The name that the other side registered; null for none.</param>
/// <param name="RemoteInstance">Which run of the other side's program.</param>
/// <param name="Dialled">The target as the initiator wrote it, which goes into the prologue of the handshake.</param>
/// <param name="Offer">The initiator's first handshake message; null at the initiator.</param>
/// <param name="Plan">How to punch.</param>
public sealed record SessionPush(
    SessionId Session,
    bool IsInitiator,
    PublicKey RemoteKey,
    string? RemoteName,
    InstanceId RemoteInstance,
    string Dialled,
    HandshakeOffer? Offer,
    PunchPlan Plan)
{
    /// <summary>The other side.</summary>
    [JsonIgnore]
    public PeerId Remote => RemoteKey.PeerId;
}
