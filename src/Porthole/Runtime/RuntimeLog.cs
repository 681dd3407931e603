using Microsoft.Extensions.Logging;

namespace Porthole.Runtime;

/// <summary>What the driver logs. Event ids 2000 to 2099.</summary>
internal static partial class RuntimeLog
{
    [LoggerMessage(2000, LogLevel.Critical, "{Machine} failed and was stopped; this is a defect")]
    public static partial void MachineFailed(ILogger logger, string machine, Exception exception);
}
