using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Porthole.Tests.AspNetCore;

/// <summary>Keeps what is logged.</summary>
internal sealed class ListLogger : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<(EventId Id, LogLevel Level, string Text)> _lines = new();

    /// <summary>What is logged as an error, or worse.</summary>
    public IEnumerable<string> Errors => _lines.Where(static line => line.Level >= LogLevel.Error).Select(static line => line.Text);

    /// <summary>What is logged as a warning, or worse.</summary>
    public IEnumerable<string> Warnings => _lines.Where(static line => line.Level >= LogLevel.Warning).Select(static line => line.Text);

    /// <summary>Waits for a line with an event id.</summary>
    public async Task<string> WaitForAsync(int id, TimeSpan limit)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(limit);
        while (true)
        {
            foreach (var line in _lines)
            {
                if (line.Id.Id == id) return line.Text;
            }

            await Task.Delay(10, late.Token);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId, logLevel, formatter(state, exception)));

    public void Dispose()
    {
    }
}
