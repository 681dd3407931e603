using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Terminal;

/// <summary>A run of the built command in a real pseudo-terminal, which is a tmux server of its own: what a person would see, and keys as a person would press them.</summary>
internal sealed class TmuxTerminal : IAsyncDisposable
{
    private const string Tmux = "tmux";

    /// <summary>tmux now and then misses that its program has ended, and sees it when another child of it ends: after so many looks it is given one.</summary>
    private const int ChildEvery = 16;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2), s_pause = TimeSpan.FromMilliseconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("tmux").FullName;

    private TmuxTerminal() { }

    /// <summary>Whether there is tmux.</summary>
    public static bool IsSupported { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(static folder => File.Exists(Path.Combine(folder, Tmux)));

    private string Socket => Path.Combine(_folder, "s");

    private string Log => Path.Combine(_folder, "log");

    /// <summary>Starts <c>porthole</c> in a terminal of 100 columns.</summary>
    public static Task<TmuxTerminal> StartAsync(string home, params string[] arguments) => StartAsync(home, 100, [], arguments);

    /// <summary>Starts <c>porthole</c> in a terminal of 180 columns, where lines with ids and paths fit.</summary>
    public static Task<TmuxTerminal> StartWideAsync(string home, params string[] arguments) => StartAsync(home, 180, [], arguments);

    /// <summary>Starts <c>porthole</c> in a terminal, with variables of the environment (NAME=value).</summary>
    public static async Task<TmuxTerminal> StartAsync(string home, int columns, string[] environment, string[] arguments)
    {
        var terminal = new TmuxTerminal();
        try
        {
            // The last line ends the server if this process is killed: it would outlive it otherwise.
            string file = Path.Combine(terminal._folder, "conf");
            await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture, $"""
                set -g default-terminal screen-256color
                set -g remain-on-exit on
                set -g status off
                set -sg escape-time 0
                run-shell -b "tail --pid={Environment.ProcessId} -f /dev/null; {Tmux} -S {terminal.Socket} kill-server"
                """));
            string[] variables = [$"XDG_CONFIG_HOME={home}", $"XDG_DATA_HOME={home}", "PORTHOLE_SERVER=", "PORTHOLE_TOKEN=", "NO_COLOR=", .. environment];
            await terminal.RunAsync(["-f", file, "new-session", "-d", "-x", columns.ToString(CultureInfo.InvariantCulture), "-y", "30", "-c", home, .. variables.SelectMany(static one => new[] { "-e", one }), Programs.Porthole, .. arguments, ";", "pipe-pane", $"cat > {terminal.Log}"]);
            return terminal;
        }
        catch
        {
            await terminal.DisposeAsync();
            throw;
        }
    }

    /// <summary>Types a text.</summary>
    public Task TypeAsync(string text) => RunAsync(["send-keys", "-l", "--", text]);

    /// <summary>Presses keys, as tmux calls them: Enter, Tab, BSpace, C-d, Left.</summary>
    public Task PressAsync(params string[] keys) => RunAsync(["send-keys", .. keys]);

    /// <summary>Types a line.</summary>
    public async Task EnterAsync(string line)
    {
        await TypeAsync(line);
        await PressAsync("Enter");
    }

    /// <summary>Gives the terminal another size.</summary>
    public Task ResizeAsync(int columns, int rows) =>
        RunAsync(["resize-window", "-x", columns.ToString(CultureInfo.InvariantCulture), "-y", rows.ToString(CultureInfo.InvariantCulture)]);

    /// <summary>What is to be seen: lines without blanks at their ends.</summary>
    public async Task<string[]> ScreenAsync() => [.. (await RunAsync(["capture-pane", "-p"])).TrimEnd('\n').Split('\n').Select(static line => line.TrimEnd())];

    /// <summary>All that was written so far, codes and what was overwritten among it; waits until something in it fits a pattern, for it comes from another program.</summary>
    public async Task<string> WrittenAsync(Regex pattern)
    {
        for (long start = Stopwatch.GetTimestamp(); ;)
        {
            string written = File.Exists(Log) ? await File.ReadAllTextAsync(Log) : "";
            if (pattern.IsMatch(written)) return written;
            if (Stopwatch.GetElapsedTime(start) > s_limit) Assert.Fail($"Nothing like this was written: {pattern}\n{written}");
            await Task.Delay(s_pause, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>The screen with the codes that colour it.</summary>
    public Task<string> ColoursAsync() => RunAsync(["capture-pane", "-p", "-e"]);

    /// <summary>Waits until a line fulfils a condition, and gives the last one that does.</summary>
    public async Task<string> LineAsync(Func<string, bool> condition, string what)
    {
        string[] lines = await ScreenAsync(screen => screen.Any(condition), what);
        return lines.Last(condition);
    }

    /// <summary>Waits until a line fits a pattern, whole: what is being drawn may be seen half.</summary>
    public Task<string> MatchAsync(string pattern) => LineAsync(line => Regex.IsMatch(line, pattern), pattern);

    /// <summary>Waits until a line holds a text, and gives the last one that does.</summary>
    public Task<string> LineAsync(string text) => LineAsync(line => line.Contains(text, StringComparison.Ordinal), text);

    /// <summary>Waits until the whole screen fulfils a condition.</summary>
    public async Task<string[]> ScreenAsync(Func<string[], bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        for (int look = 1; ; look++)
        {
            string[] screen = await ScreenAsync();
            if (condition(screen)) return screen;
            if (look % ChildEvery == 0) await RunAsync(["run-shell", "-b", "true"]);
            if (Stopwatch.GetElapsedTime(start) > s_limit) Assert.Fail($"This did not come to be seen: {what}\n{string.Join('\n', screen)}");
            await Task.Delay(s_pause, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Keeps a picture of the screen for the documentation, where that is asked for (docs/screens/make.sh).</summary>
    public async Task KeepAsync(string name, string title)
    {
        if (Environment.GetEnvironmentVariable("PORTHOLE_SCREENS") is { Length: > 0 } folder) await File.WriteAllTextAsync(Path.Combine(folder, name + ".svg"), ScreenPicture.Draw(await ColoursAsync(), title));
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await RunAsync(["kill-server"]);
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task<string> RunAsync(string[] arguments)
    {
        var start = new ProcessStartInfo(Tmux, ["-u", "-S", Socket, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8 };
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment.Remove("TMUX");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{Tmux} {string.Join(' ', arguments)}: {await errors}");
    }
}
