using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using Porthole.Cli.Commands;
using Porthole.Cli.Commands.Lab;
using Porthole.Cli.Completion;

namespace Porthole.Cli;

/// <summary>The command <c>porthole</c>.</summary>
internal static class Program
{
    /// <summary>Set to anything, it adds the stack trace to the report of a defect.</summary>
    private const string TraceVariable = "PORTHOLE_TRACE_DEFECTS";

    /// <summary>The command with everything below it.</summary>
    public static RootCommand CreateRoot()
    {
        var root = new RootCommand("Direct, encrypted connections between two programs behind NATs.")
        {
            ServerCommand.Create(),
            ChatCommand.Create(),
            PingCommand.Create(),
            ListenCommand.Create(),
            MeetCommand.Create(),
            SendCommand.Create(),
            ReceiveCommand.Create(),
            ShareCommand.Create(),
            ForwardCommand.Create(),
            ConnectCommand.Create(),
            PeersCommand.Create(),
            IdCommand.Create(),
            CheckCommand.Create(),
            DoctorCommand.Create(),
            DemoCommand.Create(),
            LabCommand.Create(),
            CompletionCommand.Create(),
        };
        HelpWithExitCodes.Install(root);
        CompletionWords.Install(root);
        return root;
    }

    public static async Task<int> Main(string[] arguments)
    {
        var root = CreateRoot();

        // A word that begins with @ is not a file of options here: bob@ID is how a peer is written.
        var parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        bool isQuestion = parsed.Action is HelpWithExitCodes || root.Directives.OfType<SuggestDirective>().Any(directive => parsed.GetResult(directive) is not null);
        if (!isQuestion && UnknownOptionOf(parsed) is { } mistyped)
        {
            string file = Path.Exists(mistyped) ? $" If the file is meant, write './{mistyped}'." : "";
            Complaint.Write($"'{mistyped}' is no option of this command.{file} Try 'porthole {CommandOf(parsed)}--help'.");
            return ExitCode.Usage;
        }

        if (parsed.Errors.Count > 0 && !isQuestion) // who asks for help, or a shell for the next word, need not know the arguments
        {
            string what = parsed.UnmatchedTokens is [var unknown, ..] ? $"'{unknown}' is not known here." : parsed.Errors[0].Message;
            if (parsed.CommandResult.Command is RootCommand && parsed.Tokens.Count == 0) what = "What is to be done is missing.";
            Complaint.Write($"{what} Try 'porthole {CommandOf(parsed)}--help'.");
            return ExitCode.Usage;
        }

        try
        {
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration).ConfigureAwait(false);
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
        catch (Exception exception)
        {
            Complaint.Write($"This should not have happened, please report it: {exception.GetType().Name}: {exception.Message}");
            if (Environment.GetEnvironmentVariable(TraceVariable) is { Length: > 0 }) Console.Error.WriteLine(exception);
            return ExitCode.Defect;
        }
    }

    /// <summary>A word that looks like an option and is none is a slip of the typing, and neither a path nor a peer; behind <c>--</c> it may be anything.</summary>
    private static string? UnknownOptionOf(ParseResult parsed) => parsed.Tokens.Any(static token => token.Type == TokenType.DoubleDash)
        ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(static argument => argument.Tokens).FirstOrDefault(static token => token.Value is ['-', _, ..])?.Value;

    private static string CommandOf(ParseResult parsed)
    {
        string names = "";
        for (var at = parsed.CommandResult; at is { Command: not RootCommand }; at = at.Parent as CommandResult) names = $"{at.Command.Name} {names}";
        return names;
    }
}
