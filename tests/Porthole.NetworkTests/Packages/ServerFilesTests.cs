using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Porthole.Cli;

namespace Porthole.NetworkTests.Packages;

/// <summary>The files by which a server is run under systemd and in a container: they say what the command understands and name what exists.</summary>
public sealed class ServerFilesTests
{
    private static readonly string[] s_instructions = ["FROM", "ARG", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD", "WORKDIR", "LABEL"];

    private static string Packaging { get; } = Path.Combine(PackedPackages.Repository, "packaging");

    private static string[] Unit => File.ReadAllLines(Path.Combine(Packaging, "porthole-server.service"));

    [Fact]
    public void The_unit_starts_the_server_with_options_that_it_has()
    {
        string[] command = Unit.Single(static line => line.StartsWith("ExecStart=", StringComparison.Ordinal))["ExecStart=".Length..].Split(' ');
        Assert.Equal("/usr/local/bin/porthole", command[0]);
        Assert.Empty(Program.CreateRoot().Parse(command[1..]).Errors);
        Assert.Contains("/var/lib/" + Unit.Single(static line => line.StartsWith("StateDirectory=", StringComparison.Ordinal))["StateDirectory=".Length..], command);
        Assert.Contains("DynamicUser=yes", Unit);
    }

    [Fact]
    public async Task Systemd_finds_nothing_wrong_with_the_unit()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "There is no systemd-analyze here.");
        string folder = Directory.CreateTempSubdirectory("porthole-unit-").FullName;
        try
        {
            string copy = Path.Combine(folder, "porthole-server.service"); // with a command that is there
            await File.WriteAllLinesAsync(copy, Unit.Select(static line => line.Replace("=/usr/local/bin/porthole", "=/bin/true", StringComparison.Ordinal)), TestContext.Current.CancellationToken);
            var (code, output) = await RunAsync("/usr/bin/systemd-analyze", "verify", copy);
            Assert.True(code == 0 && output.Length == 0, output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_container_is_built_from_files_that_are_there_and_does_not_run_as_root()
    {
        var instructions = Instructions();
        Assert.All(instructions, static one => Assert.Contains(one.Name, s_instructions));
        Assert.Equal("FROM", instructions[0].Name);

        string platforms = Regex.Match(File.ReadAllText(Path.Combine(Packaging, "publish.sh")), @"platforms=\((linux[^)]*)\)").Groups[1].Value;
        string platform = instructions.Single(static one => one.Name == "ARG").Text.Split('=')[1];
        Assert.Contains(platform, platforms.Split(' '));
        foreach (var (_, text) in instructions.Where(static one => one.Name == "COPY"))
        {
            foreach (string source in text.Split(' ').Where(static word => !word.StartsWith("--", StringComparison.Ordinal)).SkipLast(1))
            {
                // What publish.sh writes is not in the repository.
                if (source.StartsWith("artifacts/publish/", StringComparison.Ordinal)) Assert.Equal("artifacts/publish/porthole-${PLATFORM}", source);
                else Assert.True(File.Exists(Path.Combine(PackedPackages.Repository, source)), $"{source} does not exist.");
            }
        }

        int user = instructions.FindLastIndex(static one => one.Name == "USER");
        Assert.True(user < instructions.FindIndex(static one => one.Name == "ENTRYPOINT") && int.Parse(instructions[user].Text, System.Globalization.CultureInfo.InvariantCulture) > 0);
    }

    [Fact]
    public void The_container_starts_the_server_with_options_that_it_has_on_the_ports_that_it_names()
    {
        var instructions = Instructions();
        string[] Words(string name) => JsonSerializer.Deserialize<string[]>(instructions.Single(one => one.Name == name).Text)!;
        string[] command = [.. Words("ENTRYPOINT"), .. Words("CMD")];
        Assert.Equal(instructions.Last(static one => one.Name == "COPY").Text.Split(' ')[^1], command[0]);
        Assert.Empty(Program.CreateRoot().Parse(command[1..]).Errors);
        int http = int.Parse(command[Array.IndexOf(command, "--port") + 1], System.Globalization.CultureInfo.InvariantCulture), stun = int.Parse(command[Array.IndexOf(command, "--stun-port") + 1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal($"{http}/tcp {stun}-{stun + 3}/tcp {stun}-{stun + 3}/udp", instructions.Single(static one => one.Name == "EXPOSE").Text);
        Assert.Contains(command[Array.IndexOf(command, "--data") + 1], Words("VOLUME"));
    }

    [Theory]
    [InlineData("pack.sh")]
    [InlineData("publish.sh")]
    public async Task A_script_says_what_it_does_and_refuses_what_it_does_not_know(string script)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "These are shell scripts.");
        var (code, help) = await RunAsync(Path.Combine(Packaging, script), "--help");
        Assert.Equal(0, code);
        Assert.Contains("--output DIR", help, StringComparison.Ordinal);
        var (refused, complaint) = await RunAsync(Path.Combine(Packaging, script), "--fast");
        Assert.Equal(2, refused);
        Assert.StartsWith($"{script}: unknown option", complaint, StringComparison.Ordinal);
    }

    /// <summary>The instructions, with continued lines joined and comments left out.</summary>
    private static List<(string Name, string Text)> Instructions()
    {
        var lines = File.ReadAllLines(Path.Combine(Packaging, "Containerfile")).Where(static line => !line.TrimStart().StartsWith('#') && line.Trim().Length > 0);
        string joined = string.Join('\n', lines).Replace("\\\n", " ", StringComparison.Ordinal);
        return [.. joined.Split('\n').Select(static line => (line.Split(' ')[0], Regex.Replace(line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..], @"\s+", " ").Trim()))];
    }

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + errors);
    }
}
