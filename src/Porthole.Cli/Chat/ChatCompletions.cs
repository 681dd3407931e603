using Porthole.Cli.Terminal;

namespace Porthole.Cli.Chat;

/// <summary>What Tab completes in a chat: commands, names where a name is due, paths where a file is due.</summary>
internal sealed class ChatCompletions(ChatRoom room)
{
    private const string Send = "/send ";

    /// <summary>Where the part to be completed begins, and what it may become.</summary>
    public (int Start, IReadOnlyList<string> Candidates) Of(string text)
    {
        if (text.StartsWith(Send, StringComparison.Ordinal)) return OfSend(text);
        int start = text.LastIndexOf(' ') + 1;
        string[] links = [.. room.Links.Select(static link => link.Label)];
        IEnumerable<string> candidates = text[..start].TrimEnd() switch
        {
            "" => [.. ChatCommands.All.Select(static one => one.Name.Split(' ')[0] + (one.Name.Contains(' ', StringComparison.Ordinal) ? " " : "")), .. links.Select(static label => label + ": ")],
            "/verify" => links,
            "/accept" or "/refuse" => room.Callers,
            "/accept-file" or "/refuse-file" => room.Files.Offerers,
            "/connect" => room.Missing.Select(static one => one.Peer.Name ?? one.Peer.Peer.ToString()),
            _ => [],
        };
        return (start, [.. candidates]);
    }

    /// <summary>A path, which may hold blanks, and behind one that exists whom to send it to.</summary>
    private (int Start, IReadOnlyList<string> Candidates) OfSend(string text)
    {
        int start = Send.Length + (text.Length > Send.Length && text[Send.Length] == '"' ? 1 : 0);
        var paths = PathCompletion.Candidates(text[start..]);
        int blank = text.LastIndexOf(' ');
        if (paths.Count > 0 || blank <= start || !Path.Exists(PathCompletion.Expand(text[start..blank].TrimEnd('"')))) return (start, paths);
        return (blank + 1, [.. room.Links.Select(static link => link.Label)]);
    }
}
