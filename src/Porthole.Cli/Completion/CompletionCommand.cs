using System.CommandLine;

namespace Porthole.Cli.Completion;

/// <summary><c>porthole completion</c>: prints what a shell needs to complete the words of this command.</summary>
internal static class CompletionCommand
{
    /// <summary>The shells, each with a script of its own among the resources.</summary>
    public static readonly string[] Shells = ["bash", "zsh", "fish", "pwsh"];

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = $"The shell: {string.Join(", ", Shells)}." };
        shell.CompletionSources.Add(Shells);
        shell.Validators.Add(static result =>
        {
            string name = result.Tokens[0].Value;
            if (!Shells.Contains(name, StringComparer.Ordinal)) result.AddError($"'{name}' is no shell that is known here: use {string.Join(", ", Shells)}.");
        });
        var command = new Command("completion", "Print a script that lets a shell complete commands, options, their values and the names of peers met before.") { shell };
        command.SetAction(parsed =>
        {
            using var script = typeof(CompletionCommand).Assembly.GetManifestResourceStream($"completion.{parsed.GetValue(shell)}")!;
            using var reader = new StreamReader(script);
            Console.Out.Write(reader.ReadToEnd());
            return ExitCode.Success;
        });
        return command;
    }
}
