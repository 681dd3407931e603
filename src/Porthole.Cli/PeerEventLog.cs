using System.Diagnostics;
using System.Threading.Channels;
using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>
/// The events of a peer with the time when they happened, taken off the machine's thread at once and handled one after the other elsewhere: what is written about
/// them is in order, and writing delays nothing.
/// </summary>
internal sealed class PeerEventLog
{
    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _worker;
    private Action<PeerEvent, long>? _handler;

    public PeerEventLog() => _worker = RunAsync();

    /// <summary>What is done with each event; the time is a stamp of <see cref="Stopwatch"/>.</summary>
    public void Handle(Action<PeerEvent, long> handler) => _handler = handler;

    /// <summary>Takes an event; to be given to <see cref="PeerOptions.Observer"/>.</summary>
    public void Observe(PeerEvent happened)
    {
        long now = Stopwatch.GetTimestamp();
        _work.Writer.TryWrite(() => _handler?.Invoke(happened, now));
    }

    /// <summary>Does something in turn with the events.</summary>
    public void Post(Action action) => _work.Writer.TryWrite(action);

    /// <summary>Completes when all that was taken so far is done, and takes no more.</summary>
    public Task CompleteAsync()
    {
        _work.Writer.TryComplete();
        return _worker;
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        await foreach (var action in _work.Reader.ReadAllAsync().ConfigureAwait(false)) action();
    }
}
