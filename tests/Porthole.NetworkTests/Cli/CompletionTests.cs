using System.CommandLine;
using System.Diagnostics;
using Porthole.Cli;
using Porthole.Cli.Completion;
using Porthole.Identity;
using Porthole.NetworkTests.Matrix;
using Porthole.Protocol.Noise;
using Porthole.Runtime;

namespace Porthole.NetworkTests.Cli;

/// <summary>What a shell offers behind <c>porthole</c>.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("porthole-completion").FullName;

    public CompletionTests()
    {
        string known = Path.Combine(_home, "porthole", "known_peers");
        Directory.CreateDirectory(Path.GetDirectoryName(known)!);
        var server = IdentityKey.Generate(OperatingSystemEntropy.Instance).PeerId;
        foreach (string? name in new[] { "bob", "beatrix", null }) KnownPeers.Open(known).Trust(new KnownPeer(server, name, IdentityKey.Generate(OperatingSystemEntropy.Instance).PublicKey, DateTimeOffset.UnixEpoch));
    }

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Theory]
    [InlineData("pi", "ping")]
    [InlineData("lab g", "grid")]
    [InlineData("listen --accept ", "anyone,ask,known")]
    [InlineData("ping bob --transport t", "tcp")]
    [InlineData("ping --prefer ", "tcp,udp")]
    [InlineData("ping --log-level I", "Information")]
    [InlineData("ping b", "beatrix,bob")]
    [InlineData("chat --connect be", "beatrix")]
    [InlineData("connect be", "beatrix:")]
    [InlineData("forward 2222 be", "beatrix:")]
    [InlineData("share 22 --only be", "beatrix:")]
    [InlineData("completion z", "zsh")]
    [InlineData("ping --wait", "--wait-direct")]
    [InlineData("chat --lab", "")]
    public async Task Bash_offers_what_fits(string line, string expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "There is no bash.");
        var start = new ProcessStartInfo("bash", ["--noprofile", "--norc", "-c", """
            source <("$1" completion bash)
            [[ $(complete -p porthole) == *"-F _porthole porthole"* ]] || exit 3
            COMP_LINE=$2 COMP_POINT=${#2}
            _porthole "$1" || exit 4
            printf '%s\n' "${COMPREPLY[@]}"
            """, "bash", Programs.Porthole, "porthole " + line])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["XDG_CONFIG_HOME"] = _home;
        using var bash = Process.Start(start)!;
        string output = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, bash.ExitCode);
        Assert.Equal(expected, string.Join(',', output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("zsh", "#compdef porthole", "compdef _porthole porthole")]
    [InlineData("fish", "function __porthole_complete", "complete --command porthole")]
    [InlineData("pwsh", "Register-ArgumentCompleter -Native -CommandName porthole", "CompletionResult")]
    public async Task The_other_shells_get_a_script_that_asks_the_same_question(string shell, string head, string end)
    {
        var result = await CliProcess.RunAsync(_home, "completion", shell);
        result.AssertEnded(0);
        Assert.Contains(result.Output, line => line.Contains(head, StringComparison.Ordinal));
        Assert.Contains(result.Output, line => line.Contains(end, StringComparison.Ordinal));
        Assert.Contains(result.Output, static line => line.Contains("[suggest:", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_shell_is_named_in_one_line() => (await CliProcess.RunAsync(_home, "completion", "tcsh")).AssertEnded(2);

    [Fact]
    public async Task A_damaged_file_of_known_peers_costs_the_names_and_nothing_else()
    {
        await File.WriteAllTextAsync(Path.Combine(_home, "porthole", "known_peers"), "nonsense\n", TestContext.Current.CancellationToken);
        var result = await CliProcess.RunAsync(_home, "[suggest:5]", "ping ");
        result.AssertEnded(0);
        Assert.Contains("--count", result.Output);
        Assert.DoesNotContain("bob", result.Output);
    }

    [Fact]
    public void Every_word_that_is_offered_is_taken()
    {
        int checkedWords = 0;
        foreach (var (path, command) in Below([], Program.CreateRoot()))
        {
            foreach (var option in command.Options.Where(static option => CompletionWords.Values.ContainsKey(option.Name)))
            {
                foreach (string word in option.GetCompletions(System.CommandLine.Completions.CompletionContext.Empty).Select(static one => one.Label))
                {
                    var result = command.Parse([option.Name, word]).GetResult(option)!;
                    Assert.True(!result.Errors.Any(), $"{string.Join(' ', path)} {option.Name} {word}: {string.Join(' ', result.Errors.Select(static one => one.Message))}");
                    checkedWords++;
                }
            }
        }

        Assert.True(checkedWords > 20, $"Only {checkedWords} words were found.");
    }

    private static IEnumerable<(string[] Path, Command Command)> Below(string[] path, Command command) =>
        command.Subcommands.SelectMany(child => Below([.. path, child.Name], child)).Prepend((path, command));
}
