using System.CommandLine;
using Porthole.Cli.Commands;

namespace Porthole.Cli;

/// <summary>The command <c>porthole</c>.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("Direct, encrypted connections between two programs behind NATs.")
        {
            ServerCommand.Create(),
        };

        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            Complaint.Write($"{parsed.Errors[0].Message} Try 'porthole {Words(parsed)}--help'.");
            return ExitCode.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
        }
        catch (PeerException exception)
        {
            Complaint.Write(exception.Message);
            return ExitCode.Of(exception.Error);
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
    }

    private static string Words(ParseResult parsed) => parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name + " ";
}
