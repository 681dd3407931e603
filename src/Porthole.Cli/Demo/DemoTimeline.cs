using System.Globalization;

namespace Porthole.Cli.Demo;

/// <summary>
/// Prints what several processes report in the order in which it happened: each line is held back for a moment, until what happened before it has come in from the
/// other processes.
/// </summary>
internal sealed class DemoTimeline
{
    /// <summary>How long a line is held back: longer than a pipe takes on a busy machine.</summary>
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly List<(double At, DateTimeOffset Came, Action<double?> Print)> _waiting = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _printing;
    private readonly bool _colours = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is not { Length: > 0 };
    private double? _start;

    public DemoTimeline() => _printing = PrintAsync();

    /// <summary>Colours of lines.</summary>
    public enum Tone
    {
        /// <summary>Nothing special.</summary>
        Plain,

        /// <summary>Something was lost.</summary>
        Bad,

        /// <summary>Something was won.</summary>
        Good,

        /// <summary>Somebody speaks.</summary>
        Speech,
    }

    private static double Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    /// <summary>Prints a heading in its place.</summary>
    public void Heading(string text) => Heading(Now, text);

    /// <summary>Prints a heading at a time.</summary>
    public void Heading(double at, string text) => Add(at, _ =>
    {
        Console.WriteLine();
        Console.WriteLine(_colours ? $"\e[1m{text}\e[0m" : text);
    });

    /// <summary>Times count from this one.</summary>
    public void StartClock(double at) => Add(at, _ => _start = at);

    /// <summary>Prints a line: when, who, what.</summary>
    public void Line(double at, string who, string what, Tone tone = Tone.Plain) => Add(at, start =>
    {
        string time = start is { } zero ? string.Create(CultureInfo.InvariantCulture, $"{at - zero,9:0.0} ms") : new string(' ', 12);
        string text = $"{time}  {who,-12} {what}";
        string colour = tone switch
        {
            Tone.Plain => "",
            Tone.Bad => "\e[31m",
            Tone.Good => "\e[32m",
            Tone.Speech => "\e[36m",
        };
        Console.WriteLine(_colours && colour.Length > 0 ? $"{colour}{text}\e[0m" : text);
    });

    /// <summary>Waits until all lines of the past are printed.</summary>
    public async Task FlushAsync()
    {
        var asked = DateTimeOffset.UtcNow;
        while (true)
        {
            lock (_gate)
            {
                if (!_waiting.Any(one => one.Came <= asked)) return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20)).ConfigureAwait(false);
        }
    }

    /// <summary>Prints the rest.</summary>
    public async Task EndAsync()
    {
        await FlushAsync().ConfigureAwait(false);
        await _closing.CancelAsync().ConfigureAwait(false);
        await _printing.ConfigureAwait(false);
        _closing.Dispose();
    }

    private void Add(double at, Action<double?> print)
    {
        lock (_gate) _waiting.Add((at, DateTimeOffset.UtcNow, print));
    }

    private async Task PrintAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(25), _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_gate)
            {
                double due = Now - s_delay.TotalMilliseconds;
                var ready = _waiting.Where(one => one.At <= due).OrderBy(static one => one.At).ToArray(); // stable: equal times stay in order
                _waiting.RemoveAll(one => one.At <= due);
                foreach (var (_, _, print) in ready) print(_start);
            }
        }
    }
}
