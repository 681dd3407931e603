using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Porthole.Protocol.Tests;

/// <summary>Folders of the protocol assembly beside each other never meet but in Peer (docs/architecture.md).</summary>
public sealed partial class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        [""] = [],
        ["Stun"] = [],
        ["Noise"] = [],
        ["Ice"] = ["Stun"],
        ["Session"] = ["Noise"],
        ["Rendezvous"] = ["Noise", "Stun"],
        ["Discovery"] = ["Stun"],
        ["PortMapping"] = [],
        ["Punching"] = [],
        ["Applications"] = [],
        ["Files"] = ["Applications"],
        ["Forwarding"] = ["Applications"],
        ["Peer"] = ["Ice", "PortMapping", "Punching", "Session", "Rendezvous", "Discovery", "Noise", "Stun"],
    };

    [Fact]
    public void Every_folder_uses_only_what_lies_below_it()
    {
        var violations = new List<string>();
        int files = 0;
        foreach (string file in Directory.EnumerateFiles(SourceDirectory(), "*.cs", SearchOption.AllDirectories))
        {
            string relative = Path.GetRelativePath(SourceDirectory(), file);
            string folder = Path.GetDirectoryName(relative)!.Split(Path.DirectorySeparatorChar)[0];
            if (folder is "obj" or "bin") continue;
            files++;
            Assert.True(s_mayUse.TryGetValue(folder, out string[]? allowed), $"{folder} is a new folder: say here what it may use.");
            foreach (Match match in NamespaceUse().Matches(File.ReadAllText(file)))
            {
                string used = match.Groups[1].Value;
                if (used != folder && s_mayUse.ContainsKey(used) && !allowed.Contains(used)) violations.Add($"{relative} uses {used}");
            }
        }

        Assert.Empty(violations);
        Assert.True(files > 100, "the sources are found");
    }

    [GeneratedRegex(@"Porthole\.Protocol\.([A-Z]\w*)")]
    private static partial Regex NamespaceUse();

    private static string SourceDirectory([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "src", "Porthole.Protocol"));
}
