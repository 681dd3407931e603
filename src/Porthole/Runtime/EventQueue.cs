using System.Threading.Channels;

namespace Porthole.Runtime;

/// <summary>Runs a program's event handlers in order and one at a time, away from the machine's thread, where a handler that waits would stop everything.</summary>
internal sealed class EventQueue
{
    /// <summary>Events that wait for a handler that waits. Beyond that the oldest are lost, or whoever floods the one could exhaust the memory of the other.</summary>
    private const int MaxWaiting = 1_024;

    private readonly Channel<Action> _actions = Channel.CreateBounded<Action>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.DropOldest });

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
