using System.Collections.Immutable;
using static Porthole.Protocol.Rendezvous.RendezvousLimits;

namespace Porthole.Protocol.Rendezvous;

/// <summary>The limits that a well-formed message must keep as well. Texts are checked to be harmless on a terminal, whoever sent them.</summary>
internal static class RendezvousMessageRules
{
    /// <summary>Names and peer ids are dialled; both fit.</summary>
    private const int MaxTarget = 64;

    public static bool AreKept(ClientMessage message) => message switch
    {
        ClientMessage.Hello hello => hello.Token is null || hello.Token.Length <= MaxToken,
        ClientMessage.Allow allow => IsList(allow.List, MaxListedPeers),
        ClientMessage.Know know => IsList(know.List, MaxListedPeers),
        ClientMessage.Register register => (register.Name is null || IsText(register.Name, MaxText))
            && IsRoom(register.Room, register.Presence) && AreCandidates(register.List) && IsNat(register.Nat),
        ClientMessage.Update update => AreCandidates(update.List) && IsNat(update.Nat),
        ClientMessage.Connect connect => IsText(connect.Target, MaxTarget) && IsOffer(connect.Offer) && connect.Seen >= 0,
        ClientMessage.Meet meet => (meet.Code is null || PairingCode.IsPublicPart(meet.Code)) && IsOffer(meet.Offer),
        ClientMessage.Candidates candidates => candidates.Generation >= 0 && AreCandidates(candidates.List, mayGuide: true),
        ClientMessage.Restart restart => restart.Generation >= 0,
        ClientMessage.Outcome outcome => outcome.Generation >= 0 && new PunchOutcome(outcome.Method, outcome.Reason).IsSane,
        ClientMessage.Reopen reopen => reopen.Generation >= 0,
        ClientMessage.Met or ClientMessage.Accept or ClientMessage.Refuse or ClientMessage.Release or ClientMessage.Peers or ClientMessage.Ping
            or ClientMessage.Pong => true,
        _ => false,
    };

    public static bool AreKept(ServerMessage message) => message switch
    {
        ServerMessage.Welcome welcome => IsList(welcome.Stun, MaxStunAddresses) && IsAccess(welcome.Access),
        ServerMessage.Credential credential => IsAccess(credential.Access),
        ServerMessage.Registered registered => IsName(registered.Name) && registered.Usable is >= 0 and <= MaxCandidates,
        ServerMessage.SessionBegun { Push: var push } => IsName(push.RemoteName) && IsText(push.Dialled, MaxTarget)
            && (push.Offer is null) == push.IsInitiator && (push.Offer is null || IsOffer(push.Offer)) && IsPlan(push.Plan),
        ServerMessage.Incoming incoming => IsName(incoming.Name),
        ServerMessage.Candidates candidates => candidates.Generation >= 0 && AreCandidates(candidates.List, mayGuide: true),
        ServerMessage.Restarted restarted => IsPlan(restarted.Plan),
        ServerMessage.Reopened reopened => reopened.Generation >= 0,
        ServerMessage.PeerList list => IsList(list.List, MaxPeersPerMessage) && list.List.All(static peer => peer is not null && IsName(peer.Name)),
        ServerMessage.Presence presence => IsName(presence.Peer.Name),
        ServerMessage.Refused or ServerMessage.Superseded or ServerMessage.Ringing or ServerMessage.Waiting or ServerMessage.Closed or ServerMessage.Ping
            or ServerMessage.Pong => true,
        _ => false,
    };

    /// <summary>ALPHA, DIGIT, '+' and '/' (RFC 8839 section 5.1).</summary>
    public static bool AreIceChars(string text, int min, int max)
    {
        if (text.Length < min || text.Length > max) return false;
        foreach (char character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('+' or '/')) return false;
        }

        return true;
    }

    private static bool IsList<T>(ImmutableArray<T> list, int max) => !list.IsDefault && list.Length <= max;

    private static bool IsName(string? name) => name is null || PeerName.IsValid(name);

    private static bool IsText(string text, int max)
    {
        if (text.Length == 0 || text.Length > max) return false;
        foreach (char character in text)
        {
            if (char.IsControl(character) || char.IsSurrogate(character)) return false;
        }

        return true;
    }

    private static bool IsRoom(string? room, PresenceMode presence) =>
        presence == PresenceMode.Room ? room is not null && IsText(room, MaxRoom) : room is null;

    private static bool IsNat(NatFacts nat) =>
        IsStep(nat.Step) && !(nat.TcpOnly && (nat.RelayOnly || nat.UdpReachable)) && IsBand(nat) && nat.PublicHosts is >= 0 and <= MaxPooledHosts
        && nat.OuterHops is >= 0 and <= MaxHops && Enum.IsDefined(nat.Filtering) && (nat.Tcp is null || IsNat(nat.Tcp));

    /// <summary>
    /// Whether the band is one, from which somebody will choose ports to send to: both ends or none, none where ports follow each other, and a block that is a power of
    /// two and holds the band.
    /// </summary>
    private static bool IsBand(NatFacts nat)
    {
        if (nat.LowestPort > nat.HighestPort || (nat.LowestPort == 0) != (nat.HighestPort == 0)) return false;
        if (nat.LowestPort != 0 && nat.Allocation == NatAllocationFact.Sequential) return false;
        return nat.BlockSize switch
        {
            0 => true,
            < 0 or > ushort.MaxValue + 1 => false,
            var size => nat.LowestPort != 0 && System.Numerics.BitOperations.IsPow2(size) && nat.LowestPort / size == nat.HighestPort / size,
        };
    }

    private static bool IsNat(TcpNatFacts nat) => IsStep(nat.Step) && nat.Allocation switch
    {
        NatAllocationFact.Sequential => nat is { LowestPort: 0, HighestPort: 0 },
        NatAllocationFact.Random => nat.Step == 0 && nat.LowestPort <= nat.HighestPort && (nat.LowestPort == 0) == (nat.HighestPort == 0),
        _ => nat is { Step: 0, LowestPort: 0, HighestPort: 0 },
    };

    private static bool IsStep(int step) => step is >= -ushort.MaxValue and <= ushort.MaxValue;

    private static bool IsOffer(HandshakeOffer offer) => offer.Message.Length is > 0 and <= MaxHandshakeMessage;

    private static bool IsAccess(StunAccess access) =>
        access.Username.Length is > 0 and <= MaxStunUsername && access.Password.Length is > 0 and <= MaxStunUsername && access.Lifetime > TimeSpan.Zero;

    private static bool IsPlan(PunchPlan plan) => plan.Generation >= 0 && plan.StartDelay <= MaxStartDelay && AreCandidates(plan.Candidates) && IsNat(plan.Nat) && (plan.OwnNat is null || IsNat(plan.OwnNat))
        && AreCredentials(plan.Local) && AreCredentials(plan.Remote) && plan.Hint != PunchMethod.Relay;

    // RFC 8445 section 5.3: at least 24 bits of fragment and 128 bits of password.
    private static bool AreCredentials(IceCredentialInfo credentials) =>
        AreIceChars(credentials.Ufrag, 4, MaxIceCredential) && AreIceChars(credentials.Password, 22, MaxIceCredential);

    private static bool AreCandidates(ImmutableArray<CandidateInfo> candidates, bool mayGuide = false)
    {
        if (!IsList(candidates, MaxCandidates)) return false;
        foreach (var candidate in candidates)
        {
            if (candidate is null || candidate.Proof.Length > MaxProof || !AreIceChars(candidate.Foundation, 1, MaxFoundation)) return false;
            if (!IsPurpose(candidate, mayGuide)) return false;
        }

        return true;
    }

    private static bool IsPurpose(CandidateInfo candidate, bool mayGuide) => candidate.Purpose == CandidatePurpose.Check
        ? candidate.Round == 0
        : mayGuide && candidate.Transport == CandidateTransport.Udp && candidate.Round is >= 1 and <= MaxRounds;
}
