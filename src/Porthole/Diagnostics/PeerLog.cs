using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Diagnostics;

/// <summary>What a node logs. Event ids 2100 to 2199. Addresses, names and ids; never payloads, tokens or keys.</summary>
internal static partial class PeerLog
{
    [LoggerMessage(2100, LogLevel.Information, "Registered as {Name} ({Id})")]
    public static partial void Registered(ILogger logger, string name, PeerId id);

    [LoggerMessage(2101, LogLevel.Warning, "The server is lost: {Text}")]
    public static partial void ServerLost(ILogger logger, string text);

    [LoggerMessage(2102, LogLevel.Information, "The server is new to this user; its key {Id} is trusted from now on")]
    public static partial void ServerKeyLearned(ILogger logger, PeerId id);

    [LoggerMessage(2103, LogLevel.Error, "{Text}")]
    public static partial void SocketsFailed(ILogger logger, string text);

    [LoggerMessage(2104, LogLevel.Warning, "A call of {Peer} was turned away: {Text}")]
    public static partial void TurnedAway(ILogger logger, string peer, string text);

    [LoggerMessage(2105, LogLevel.Information, "Connected to {Peer} ({Id}), incoming: {IsIncoming}")]
    public static partial void Opened(ILogger logger, string peer, PeerId id, bool isIncoming);

    [LoggerMessage(2106, LogLevel.Warning, "A connection did not come to be: {Text}")]
    public static partial void ConnectFailed(ILogger logger, string text);

    [LoggerMessage(2107, LogLevel.Information, "The connection to {Peer} is on {Kind} {Remote}")]
    public static partial void PathChanged(ILogger logger, string peer, PathKind kind, TransportAddress? remote);

    [LoggerMessage(2108, LogLevel.Information, "The connection to {Peer} is over ({Error}): {Text}")]
    public static partial void ConnectionClosed(ILogger logger, string peer, PeerError error, string text);

    [LoggerMessage(2109, LogLevel.Warning, "{Text}")]
    public static partial void TrustNotWritten(ILogger logger, string text);

    [LoggerMessage(2111, LogLevel.Information, "The server was left")]
    public static partial void ServerLeft(ILogger logger);

    [LoggerMessage(2120, LogLevel.Information, "The gateway {Gateway} maps {Port}")]
    public static partial void PortMapped(ILogger logger, string port, System.Net.IPAddress gateway);

    [LoggerMessage(2121, LogLevel.Information, "{Text}")]
    public static partial void PortNotMapped(ILogger logger, string text);

    [LoggerMessage(2110, LogLevel.Error, "An event handler of the program failed")]
    public static partial void HandlerFailed(ILogger logger, Exception exception);

    [LoggerMessage(2130, LogLevel.Debug, "A stream of {Peer} was given up: {Protocol} is not served here")]
    public static partial void NotServed(ILogger logger, string peer, string protocol);

    [LoggerMessage(2131, LogLevel.Error, "The handler of a stream of {Peer} failed")]
    public static partial void StreamHandlerFailed(ILogger logger, string peer, Exception exception);

    [LoggerMessage(2132, LogLevel.Information, "Files of {Peer} were not all received: {Text}")]
    public static partial void FilesNotReceived(ILogger logger, string peer, string text);
}
