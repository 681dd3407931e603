using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>The server's errors in the words that the rest of the program uses.</summary>
internal static class RendezvousErrorMapping
{
    extension(RendezvousError error)
    {
        public PeerError ToPeerError() => error switch
        {
            RendezvousError.UnknownPeer => PeerError.UnknownPeer,
            RendezvousError.PeerOffline => PeerError.PeerOffline,
            RendezvousError.RefusedByPolicy or RendezvousError.RefusedByPeer => PeerError.Refused,
            RendezvousError.NoLobby => PeerError.Refused,
            RendezvousError.CodeUsed or RendezvousError.CodeBurnt => PeerError.WrongCode,
            RendezvousError.NoAnswer or RendezvousError.NobodyCame => PeerError.TimedOut,
            RendezvousError.ConnectToSelf or RendezvousError.InvalidName or RendezvousError.NotRegistered => PeerError.BadRequest,
            RendezvousError.NameTaken => PeerError.NameTaken,
            RendezvousError.WrongToken => PeerError.WrongToken,
            RendezvousError.TooManyNames or RendezvousError.RateLimited or RendezvousError.TooManyConnections or RendezvousError.ServerFull
                or RendezvousError.TooManySessions or RendezvousError.RoomFull => PeerError.LimitReached,
            RendezvousError.SessionInUse or RendezvousError.UnknownSession or RendezvousError.ProtocolViolation => PeerError.ProtocolViolation,
            RendezvousError.UnsupportedVersion or RendezvousError.NotAServer => PeerError.NotAServer,
            RendezvousError.WrongServerKey => PeerError.WrongServerKey,
            RendezvousError.ReplacedByNewConnection or RendezvousError.Stopped => PeerError.Closed,
            RendezvousError.ServerStopping or RendezvousError.ServerUnreachable or RendezvousError.ServerNotFound or RendezvousError.ConnectionLost
                or RendezvousError.ServerSilent => PeerError.ServerUnreachable,
        };
    }
}
