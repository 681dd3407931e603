using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Cli;

/// <summary>A run of the built command, with a home of its own. What it wrote goes to the output of its test, which is shown when the test fails: so all runs of a test are seen beside each other.</summary>
internal sealed class CliProcess : IAsyncDisposable
{
    /// <summary>For one thing to happen, which may take the start of several programs on a machine that has much to do.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Lock _gate = new();
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _output = [];
    private readonly List<string> _errors = [];
    private readonly Task _reading;

    private CliProcess(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput, _output, _lines.Writer), ReadAsync(process.StandardError, _errors, null));
    }

    public StreamWriter Input => _process.StandardInput;

    public string Transcript
    {
        get
        {
            lock (_gate) return string.Join('\n', [.. _output, .. _errors.Select(static line => "! " + line)]);
        }
    }

    public static CliProcess Start(string home, params string[] arguments)
    {
        var start = new ProcessStartInfo(Programs.Porthole, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["XDG_CONFIG_HOME"] = start.Environment["XDG_DATA_HOME"] = home;
        start.Environment.Remove("PORTHOLE_SERVER");
        start.Environment.Remove("PORTHOLE_TOKEN");
        return new CliProcess(Process.Start(start)!);
    }

    /// <summary>Runs the command to its end.</summary>
    public static async Task<CliResult> RunAsync(string home, params string[] arguments)
    {
        await using var process = Start(home, arguments);
        process.Input.Close();
        return await process.EndAsync();
    }

    /// <summary>Waits until the command ends.</summary>
    public async Task<CliResult> EndAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            await _reading.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The command did not end in time.\n{Transcript}");
        }

        lock (_gate) return new CliResult(_process.ExitCode, [.. _output], [.. _errors]);
    }

    /// <summary>Types Ctrl-C.</summary>
    public void Interrupt()
    {
        using var kill = Process.Start("kill", ["-INT", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits until nothing more will be written to standard output.</summary>
    public async Task OutputEndAsync()
    {
        while (await _lines.Reader.WaitToReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit, TestContext.Current.CancellationToken)) _lines.Reader.TryRead(out _);
    }

    /// <summary>Waits for an event; those before it are passed over.</summary>
    public async Task<JsonNode> EventAsync(string name) => JsonNode.Parse(await LineAsync(line => line.StartsWith('{') && (string?)JsonNode.Parse(line)!["event"] == name))!;

    /// <summary>Waits for lines of output that may come in any order; others are passed over until all are there.</summary>
    public async Task LinesAsync(params string[] starts)
    {
        var missing = starts.ToList();
        while (missing.Count > 0)
        {
            string line = await LineAsync(line => missing.Exists(start => line.StartsWith(start, StringComparison.Ordinal)));
            missing.RemoveAll(start => line.StartsWith(start, StringComparison.Ordinal));
        }
    }

    /// <summary>Waits for a line of output; those before it are passed over.</summary>
    public async Task<string> LineAsync(Func<string, bool> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            while (true)
            {
                string line = await _lines.Reader.ReadAsync(limit.Token);
                if (condition(line)) return line;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ChannelClosedException)
        {
            Assert.Fail($"What was waited for did not come.\n{Transcript}");
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        TestContext.Current.TestOutputHelper?.WriteLine($"porthole {string.Join(' ', _process.StartInfo.ArgumentList)}\n{Transcript}\n");
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader, List<string> lines, ChannelWriter<string>? writer)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_gate) lines.Add(line);
            writer?.TryWrite(line);
        }

        writer?.TryComplete();
    }
}
