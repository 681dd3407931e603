using System.Runtime.InteropServices;

namespace Porthole.Cli;

/// <summary>Turns Ctrl-C and SIGTERM into a cancelled token, so that commands end in order. A second signal ends the process at once.</summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    /// <summary>Listens for signals.</summary>
    /// <param name="untilEndOfInput">Whether the end of standard input counts as a signal: the command ends with the program that started it.</param>
    public Interrupt(bool untilEndOfInput = false)
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
        if (untilEndOfInput) new Thread(WatchInput) { IsBackground = true, Name = "leash" }.Start();
    }

    public CancellationToken Token => _source.Token;

    /// <summary>Waits for a signal, or for the token.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _source.Token);
        await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested) return;
        context.Cancel = true;
        _source.Cancel();
    }

    private void WatchInput()
    {
        while (Console.In.ReadLine() is not null)
        {
        }

        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The command has ended by itself.
        }
    }
}
