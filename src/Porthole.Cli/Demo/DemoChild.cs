using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace Porthole.Cli.Demo;

/// <summary>A child process of the demo: this same program with other arguments, which writes its events as JSON lines.</summary>
internal sealed class DemoChild : IAsyncDisposable
{
    /// <summary>How long a child may take to end by itself when its input ends.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly Process _process;
    private readonly Task _reading;
    private readonly ConcurrentQueue<string> _complaints = [];

    private DemoChild(string label, Process process, Action<DemoChild, JsonElement> happened)
    {
        (Label, _process) = (label, process);
        _reading = Task.WhenAll(ReadEventsAsync(happened), ReadComplaintsAsync());
    }

    /// <summary>How the demo calls it.</summary>
    public string Label { get; }

    /// <summary>What it had to complain about.</summary>
    public string Complaints => string.Join(' ', _complaints);

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a child.</summary>
    /// <param name="label">How to call it.</param>
    /// <param name="configuration">The folder where it keeps what it learns, in place of the user's.</param>
    /// <param name="happened">Is told of each event, in order.</param>
    /// <param name="arguments">The command and its options.</param>
    public static DemoChild Start(string label, string configuration, Action<DemoChild, JsonElement> happened, params string[] arguments)
    {
        var start = new ProcessStartInfo
        {
            FileName = Environment.ProcessPath!, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };

        // Started as 'dotnet Porthole.Cli.dll demo', the program is the runtime's first argument.
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["XDG_CONFIG_HOME"] = configuration;
        start.Environment.Remove("PORTHOLE_TOKEN");
        return new DemoChild(label, Process.Start(start)!, happened);
    }

    /// <summary>Types a line into it.</summary>
    public void Type(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    /// <summary>Lets it end, and ends it if it does not.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
            using var late = new CancellationTokenSource(s_patience);
            await _process.WaitForExitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (IOException)
        {
            // It has ended, and its input with it.
        }

        try
        {
            if (!_process.HasExited) _process.Kill();
            await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            _process.Dispose();
        }
    }

    private async Task ReadEventsAsync(Action<DemoChild, JsonElement> happened)
    {
        while (await _process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            try
            {
                using var document = JsonDocument.Parse(line);
                happened(this, document.RootElement.Clone());
            }
            catch (JsonException)
            {
                _complaints.Enqueue(line);
            }
        }
    }

    private async Task ReadComplaintsAsync()
    {
        while (await _process.StandardError.ReadLineAsync().ConfigureAwait(false) is { } line) _complaints.Enqueue(line);
    }
}
