using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Server;

/// <summary>What the server writes to its log.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(2001, LogLevel.Information, "Listening for main connections on {Http}, for STUN on {Stun}")]
    public static partial void Listening(ILogger logger, string http, string stun);

    [LoggerMessage(2002, LogLevel.Warning, "Open to everyone on a public address: whoever reaches {Address} may register names and use the relay. Set --token to choose who may")]
    public static partial void OpenToEveryone(ILogger logger, string address);

    [LoggerMessage(2003, LogLevel.Warning, "STUN does not listen on {Wanted}: {Detail}")]
    public static partial void StunNotListening(ILogger logger, TransportAddress wanted, string detail);

    [LoggerMessage(2004, LogLevel.Debug, "{Peer} connected from {Remote}")]
    public static partial void PeerConnected(ILogger logger, PeerId peer, TransportAddress remote);

    [LoggerMessage(2005, LogLevel.Information, "{Peer} registered as {Name}")]
    public static partial void PeerRegistered(ILogger logger, PeerId peer, string name);

    [LoggerMessage(2006, LogLevel.Information, "{Peer} is gone ({Reason}); it relayed {RelayedBytes} bytes")]
    public static partial void PeerDisconnected(ILogger logger, PeerId peer, RendezvousError reason, long relayedBytes);

    [LoggerMessage(2007, LogLevel.Warning, "A connection from {Remote} was turned away: {Error}")]
    public static partial void TurnedAway(ILogger logger, TransportAddress remote, RendezvousError error);

    [LoggerMessage(2008, LogLevel.Error, "The names file cannot be written: {Detail}. Names taken from now on are lost with the process")]
    public static partial void NamesNotWritten(ILogger logger, string detail);

    [LoggerMessage(2009, LogLevel.Information, "Stopping")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(2010, LogLevel.Information, "Session {Session} is direct by {Method}")]
    public static partial void PunchedDirect(ILogger logger, SessionId session, string method);

    [LoggerMessage(2011, LogLevel.Information, "Session {Session} stays on the relay: {Reason}")]
    public static partial void StaysRelayed(ILogger logger, SessionId session, VerdictReason reason);

    [LoggerMessage(2012, LogLevel.Debug, "Session {Session} came to the same again: {Method}, {Reason}")]
    public static partial void PunchedAgain(ILogger logger, SessionId session, string method, VerdictReason reason);
}
