using System.Threading.Channels;

namespace Porthole.Runtime;

/// <summary>Runs a program's event handlers in order and one at a time, away from the machine's thread, where a handler that waits would stop everything.</summary>
internal sealed class EventQueue
{
    private readonly Channel<Action> _actions = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Action<Exception> _failed;
    private readonly Task _running;

    /// <param name="failed">Is told of a handler that threw.</param>
    public EventQueue(Action<Exception> failed)
    {
        _failed = failed;
        _running = RunAsync();
    }

    public void Add(Action action) => _actions.Writer.TryWrite(action);

    /// <summary>Runs what is queued and then no more.</summary>
    public Task CompleteAsync()
    {
        _actions.Writer.TryComplete();
        return _running;
    }

    private async Task RunAsync()
    {
        await foreach (var action in _actions.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                _failed(exception); // the program's own defect; the others should still hear of their events
            }
        }
    }
}
