namespace Porthole.Files;

/// <summary>What failed of a transfer: the first failure and a number. All of them would be as many as the other side likes.</summary>
internal sealed class FailureCount
{
    private readonly Lock _gate = new();
    private FileException? _first;
    private int _count;

    /// <summary>Whether nothing failed.</summary>
    public bool IsNone
    {
        get
        {
            lock (_gate) return _count == 0;
        }
    }

    /// <summary>Something failed.</summary>
    public void Add(FileException exception)
    {
        lock (_gate)
        {
            _first ??= exception;
            _count++;
        }
    }

    /// <summary>Ends a transfer of which something failed.</summary>
    /// <param name="others">What became of the others: "could not be sent".</param>
    /// <exception cref="FileException">Something failed.</exception>
    public void ThrowIfAny(string others)
    {
        lock (_gate)
        {
            if (_first is not { } first) return;
            string more = _count == 1 ? string.Empty : $" {_count - 1} more {others} either.";
            throw new FileException(first.Reason, first.Message + more, first) { Path = first.Path, IsRemote = first.IsRemote };
        }
    }
}
