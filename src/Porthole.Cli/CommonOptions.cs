using System.CommandLine;
using Microsoft.Extensions.Logging;

namespace Porthole.Cli;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    /// <summary>The access token from the environment, so that it need not stand on a command line that others can read.</summary>
    public static string? TokenFromEnvironment => Environment.GetEnvironmentVariable("PORTHOLE_TOKEN") is { Length: > 0 } token ? token : null;

    public static Option<bool> Json() => new("--json") { Description = "Write one JSON object a line to standard output, and nothing else there." };

    public static Option<LogLevel> LogLevel() => new("--log-level")
    {
        Description = "What goes to standard error: Trace, Debug, Information, Warning, Error or None.",
        DefaultValueFactory = static _ => Microsoft.Extensions.Logging.LogLevel.Warning,
    };
}
