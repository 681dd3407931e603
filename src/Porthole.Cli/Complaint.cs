namespace Porthole.Cli;

/// <summary>How a command says that something is wrong: one line on standard error.</summary>
internal static class Complaint
{
    public static void Write(string text) => Console.Error.WriteLine($"porthole: {Words.Safe(text.ReplaceLineEndings(" "))}");
}
