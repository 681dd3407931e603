using System.CommandLine;
using System.CommandLine.Completions;
using Porthole.Identity;

namespace Porthole.Cli.Completion;

/// <summary>What can stand behind options and in the place of arguments, for the <c>[suggest]</c> directive that shells ask.</summary>
internal static class CompletionWords
{
    private const string Peer = "PEER";

    /// <summary>The values of options that take one of a few words; where a command takes fewer, they stand behind its name.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Values = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["--accept"] = ["anyone", "known", "ask"],
        ["--transport"] = ["udp", "tcp", "auto", "relay"],
        ["--prefer"] = ["udp", "tcp"],
        ["population --transport"] = ["udp", "auto"],
    };

    /// <summary>Gives every option and argument below a command its words: those of its type say nothing where a parser of our own reads it.</summary>
    public static void Install(Command command)
    {
        foreach (var option in command.Options)
        {
            if (option.HelpName == Peer) Replace(option.CompletionSources, static () => KnownNames());
            else if (option.HelpName?.StartsWith(Peer + ":", StringComparison.Ordinal) == true) Replace(option.CompletionSources, static () => KnownNames().Select(static name => name + ":"));
            else if (Values.TryGetValue($"{command.Name} {option.Name}", out string[]? words) || Values.TryGetValue(option.Name, out words)) Replace(option.CompletionSources, () => words);
        }

        foreach (var argument in command.Arguments)
        {
            if (argument.Name == Peer) Replace(argument.CompletionSources, static () => KnownNames());
            else if (argument.Name.StartsWith(Peer + ":", StringComparison.Ordinal) || command.Name == "forward") Replace(argument.CompletionSources, static () => KnownNames().Select(static name => name + ":"));
        }

        foreach (var child in command.Subcommands) Install(child);
    }

    private static void Replace(List<Func<CompletionContext, IEnumerable<CompletionItem>>> sources, Func<IEnumerable<string>> words)
    {
        sources.Clear();
        sources.Add(_ => words().Select(static word => new CompletionItem(word)));
    }

    /// <summary>The names of peers met before; none where they cannot be read: a shell has no place for the reason.</summary>
    private static IEnumerable<string> KnownNames()
    {
        try
        {
            return [.. KnownPeers.Open(KnownPeers.DefaultPath).Peers.Select(static peer => peer.Name).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        }
        catch (PeerException)
        {
            return [];
        }
    }
}
