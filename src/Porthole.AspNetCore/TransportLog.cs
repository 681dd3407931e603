using Microsoft.Extensions.Logging;

namespace Porthole.AspNetCore;

/// <summary>What the transport logs. Event ids 2300 to 2399.</summary>
internal static partial class TransportLog
{
    [LoggerMessage(2300, LogLevel.Information, "The application is reachable as {Peer}, by peers only")]
    public static partial void Reachable(ILogger logger, string peer);

    [LoggerMessage(2301, LogLevel.Critical, "The application is not reachable by peers any more: {Reason}")]
    public static partial void Ended(ILogger logger, string reason);

    [LoggerMessage(2302, LogLevel.Warning, "The peer takes nobody's connections, so nobody reaches the application: set Accept to Known, Ask or Anyone")]
    public static partial void NobodyAccepted(ILogger logger);
}
