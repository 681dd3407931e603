using System.Diagnostics.CodeAnalysis;

namespace Porthole.Cli.Chat;

/// <summary>What <c>/send</c> is to send, and to whom.</summary>
/// <param name="Path">A file or folder.</param>
/// <param name="Peer">One peer; null for everyone.</param>
internal sealed record SendRequest(string Path, string? Peer)
{
    /// <summary>
    /// Reads <c>PATH [NAME]</c>. The path may stand in double quotes. Without them it may hold blanks all the same: it is the longest part that is there, and what is left behind
    /// it must be a name.
    /// </summary>
    /// <param name="text">What was typed behind the command.</param>
    /// <param name="exists">Whether there is such a file or folder.</param>
    /// <param name="isPeer">Whether somebody is called so.</param>
    /// <param name="request">What is meant.</param>
    /// <param name="problem">What is wrong, in one line.</param>
    public static bool TryParse(string text, Func<string, bool> exists, Func<string, bool> isPeer, [NotNullWhen(true)] out SendRequest? request, [NotNullWhen(false)] out string? problem)
    {
        (request, problem) = (null, null);
        var (path, rest) = Split(text.Trim(), exists);
        if (path.Length == 0) problem = "Say what to send: /send FILE, or /send FILE NAME.";
        else if (!exists(path)) problem = $"There is no file or folder {Words.Safe(path)} here.";
        else if (rest.Length > 0 && !isPeer(rest)) problem = $"{Words.Safe(rest)} is not connected: {Words.Safe(path)} was not sent.";
        else request = new SendRequest(path, rest.Length > 0 ? rest : null);
        return problem is null;
    }

    private static (string Path, string Behind) Split(string text, Func<string, bool> exists)
    {
        if (text.StartsWith('"'))
        {
            int end = text.IndexOf('"', 1);
            return end < 0 ? (text[1..], "") : (text[1..end], text[(end + 1)..].Trim());
        }

        for (int cut = text.Length; cut > 0; cut = text.LastIndexOf(' ', cut - 1))
        {
            if (exists(text[..cut].TrimEnd())) return (text[..cut].TrimEnd(), text[cut..].Trim());
        }

        return (text, "");
    }
}
