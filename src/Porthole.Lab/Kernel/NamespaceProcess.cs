using System.ComponentModel;
using System.Diagnostics;
using System.Threading.Channels;

namespace Porthole.Lab.Kernel;

/// <summary>A program that runs inside a namespace: its output line by line, its input, its end.</summary>
public sealed class NamespaceProcess : IDisposable
{
    private static readonly TimeSpan s_killLimit = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _all = [];
    private bool _disposed;

    private NamespaceProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, received) => Keep(received.Data, isOutput: true);
        process.ErrorDataReceived += (_, received) => Keep(received.Data, isOutput: false);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The process id of the program itself.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>The program's standard input.</summary>
    public StreamWriter Input => _process.StandardInput;

    /// <summary>Everything it has printed so far, standard output and error in the order of arrival, for a failure message.</summary>
    public string Transcript
    {
        get
        {
            lock (_all) return string.Join('\n', _all);
        }
    }

    /// <summary>The next line of standard output, or <c>null</c> at its end.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<string?> ReadLineAsync(CancellationToken cancellationToken = default)
    {
        return await _lines.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false) && _lines.Reader.TryRead(out string? line) ? line : null;
    }

    /// <summary>Reads lines of standard output until one satisfies the condition.</summary>
    /// <exception cref="TimeoutException">The output ended, or the time passed, without such a line; the message holds all output.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<string> WaitForLineAsync(Func<string, bool> condition, TimeSpan limit, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(condition);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(limit);
        try
        {
            while (await ReadLineAsync(timeout.Token).ConfigureAwait(false) is { } line)
            {
                if (condition(line)) return line;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"No such line within {limit.TotalSeconds} s. Output so far:\n{Transcript}");
        }
        throw new TimeoutException($"The program ended without such a line. Its output:\n{Transcript}");
    }

    /// <summary>Waits until the program has ended by itself.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="TimeoutException">It did not end in time; the message holds all output.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<int> WaitForExitAsync(TimeSpan limit, CancellationToken cancellationToken = default)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(limit);
        try
        {
            await _process.WaitForExitAsync(timeout.Token).ConfigureAwait(false);
            return _process.ExitCode;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The program did not end within {limit.TotalSeconds} s. Output so far:\n{Transcript}");
        }
    }

    /// <summary>Ends the program at once, as a crash or a power cut would.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
            // Bounded, because a grandchild may hold the output open.
            _process.WaitForExit(s_killLimit);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    /// <summary>Ends the program if it still runs.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Kill();
        _process.Dispose();
    }

    internal static NamespaceProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        try
        {
            return new NamespaceProcess(Process.Start(start) ?? throw new KernelLabException($"{program} could not be started."));
        }
        catch (Win32Exception e)
        {
            throw new KernelLabException($"{program} could not be started: {e.Message}", e);
        }
    }

    private void Keep(string? line, bool isOutput)
    {
        if (line is null)
        {
            if (isOutput) _lines.Writer.TryComplete();
            return;
        }
        lock (_all) _all.Add(line);
        if (isOutput) _lines.Writer.TryWrite(line);
    }
}
