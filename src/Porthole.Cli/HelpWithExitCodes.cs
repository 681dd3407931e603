using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;

namespace Porthole.Cli;

/// <summary>The help of the root command, with the exit codes behind it.</summary>
internal sealed class HelpWithExitCodes(HelpAction help) : SynchronousCommandLineAction
{
    /// <summary>Puts it in the place of the standard help of a root command.</summary>
    public static void Install(RootCommand root)
    {
        foreach (var option in root.Options)
        {
            if (option is not HelpOption { Action: HelpAction standard }) continue;
            option.Action = new HelpWithExitCodes(standard);
            // On most systems these are files, and nowhere worth a place among what a shell offers.
            foreach (string other in new[] { "/h", "/?", "-?" }) option.Aliases.Remove(other);
        }
    }

    public override int Invoke(ParseResult parseResult)
    {
        int result = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is not RootCommand) return result;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Exit codes:");
        foreach (var (code, meaning) in ExitCode.Meanings) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {code,3}  {meaning}"));
        output.WriteLine();
        output.WriteLine("Variables: PORTHOLE_SERVER stands for --server, PORTHOLE_TOKEN for --token.");
        return result;
    }
}
