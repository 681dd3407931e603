using Microsoft.Extensions.Logging;

namespace Porthole.Hosting;

/// <summary>What the hosted service logs. Event ids 2200 to 2299.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(2200, LogLevel.Error, "{Reason} The next try is in {Pause}")]
    public static partial void NotStarted(ILogger logger, string reason, TimeSpan pause);

    [LoggerMessage(2201, LogLevel.Error, "The peer could not be started; this is a defect. The next try is in {Pause}")]
    public static partial void Failed(ILogger logger, TimeSpan pause, Exception exception);

    [LoggerMessage(2202, LogLevel.Warning, "The server has turned this peer away, which has no connections left, and is started again: {Reason}")]
    public static partial void TurnedAway(ILogger logger, string reason);

    [LoggerMessage(2203, LogLevel.Warning, "{Reason} It is started again")]
    public static partial void Ended(ILogger logger, string reason);
}
