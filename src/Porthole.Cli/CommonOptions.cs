using System.CommandLine;
using Microsoft.Extensions.Logging;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    /// <summary>The access token from the environment, so that it need not stand on a command line that others can read.</summary>
    public static string? TokenFromEnvironment => Environment.GetEnvironmentVariable("PORTHOLE_TOKEN") is { Length: > 0 } token ? token : null;

    public static Option<bool> Json() => new("--json") { Description = "Write one JSON object a line to standard output, and nothing else there." };

    public static Option<LogLevel> LogLevel(LogLevel least) => new("--log-level")
    {
        Description = "What is logged to standard error: Trace, Debug, Information, Warning, Error or None.",
        HelpName = "LEVEL",
        DefaultValueFactory = _ => least,
    };

    public static Option<AcceptPolicy?> Accept(string standard) => new("--accept")
    {
        Description = $"Whose connections to take: anyone, known (peers met before) or ask (default: {standard}).", HelpName = "POLICY", CustomParser = Parsers.ParseAccept,
    };

    public static Option<string?> Room() => new("--room")
    {
        Description = "See, and be seen by, all who are in this room of the server (default: peers that know each other).", HelpName = "ROOM", CustomParser = Parsers.ParseRoom,
    };

    public static Option<bool> Checks() => new("--checks") { Description = "Show every connectivity check as well." };

    /// <summary>Ends a command with its standard input: children of the demo must not outlive it, however it ends.</summary>
    public static Option<bool> Leash() => new("--until-end-of-input") { Hidden = true };
}
