using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Porthole.Cli;

/// <summary>A log on standard error, one line an entry: time, level, category, event id, text. Standard output stays free for what was asked for.</summary>
internal sealed class StandardErrorLog(LogLevel least) : ILoggerProvider
{
    public static ILoggerFactory CreateFactory(LogLevel least) => new Factory(least);

    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, least);

    public void Dispose()
    {
    }

    private sealed class Factory(LogLevel least) : ILoggerFactory
    {
        private readonly StandardErrorLog _provider = new(least);

        public ILogger CreateLogger(string categoryName) => _provider.CreateLogger(categoryName);

        public void AddProvider(ILoggerProvider provider) => throw new InvalidOperationException("There is one log.");

        public void Dispose() => _provider.Dispose();
    }

    private sealed class Logger(string category, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        // The web server's own chatter is not about peers.
        public bool IsEnabled(LogLevel logLevel) => logLevel >= (category.StartsWith("Microsoft.", StringComparison.Ordinal) && least is LogLevel.Information ? LogLevel.Warning : least) && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            string line = string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {logLevel} {category}[{eventId.Id}] {formatter(state, exception)}");
            Console.Error.WriteLine(exception is null ? line : $"{line} ({exception.GetType().Name}: {exception.Message})".ReplaceLineEndings(" "));
        }
    }
}
