namespace Porthole.Sockets;

/// <summary>The batches of one socket. Whoever finds it empty waits: that is what bounds the memory of a machine that falls behind.</summary>
internal sealed class BatchPool
{
    private readonly object _gate = new();
    private readonly Stack<ReceiveBatch> _free = new();
    private bool _closed;

    public BatchPool(int batches, int bufferSize, int capacity)
    {
        for (int i = 0; i < batches; i++) _free.Push(new ReceiveBatch(bufferSize, capacity, Return, pinned: true));
    }

    /// <summary>Waits for a free batch.</summary>
    /// <returns>Null when the pool was closed.</returns>
    public ReceiveBatch? Rent()
    {
        lock (_gate)
        {
            while (!_closed && _free.Count == 0) Monitor.Wait(_gate);
            return _closed ? null : _free.Pop();
        }
    }

    /// <summary>Ends every wait.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Return(ReceiveBatch batch)
    {
        lock (_gate)
        {
            _free.Push(batch);
            Monitor.Pulse(_gate);
        }
    }
}
