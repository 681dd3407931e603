using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// Received datagrams on their way to the machine: a buffer that belongs to the socket that filled it. It crosses from the receiving thread to the
/// machine's without a copy, and goes back when the machine has seen it.
/// </summary>
public sealed class ReceiveBatch
{
    private readonly Action<ReceiveBatch>? _returned;
    private readonly ReceivedDatagram[] _datagrams;

    /// <summary>Creates a batch.</summary>
    /// <param name="bufferSize">The size of its buffer, in bytes.</param>
    /// <param name="capacity">How many datagrams it holds at most.</param>
    /// <param name="returned">Called on <see cref="Release"/>, by any thread; null leaves the batch to the garbage collector.</param>
    /// <param name="pinned">Whether the buffer never moves, for system calls that are given addresses.</param>
    public ReceiveBatch(int bufferSize, int capacity, Action<ReceiveBatch>? returned, bool pinned = false)
    {
        Memory = GC.AllocateUninitializedArray<byte>(bufferSize, pinned); // not zeroed: only received bytes are read
        _datagrams = new ReceivedDatagram[capacity];
        _returned = returned;
    }

    /// <summary>The buffer.</summary>
    public Memory<byte> Memory { get; }

    /// <summary>Who is told of the next release, beside the pool.</summary>
    internal SemaphoreSlim? Quota { get; set; }

    /// <summary>How many datagrams the batch holds.</summary>
    public int Count { get; private set; }

    /// <summary>How many datagrams still fit.</summary>
    public int Room => _datagrams.Length - Count;

    /// <summary>The socket that all datagrams arrived on; the default for an empty batch.</summary>
    public SocketId Socket => Count == 0 ? default : _datagrams[0].Socket;

    /// <summary>The input for a machine. Valid until <see cref="Release"/>.</summary>
    public DatagramBatch Datagrams => new(Memory.Span, _datagrams.AsSpan(0, Count));

    /// <summary>Notes a datagram that lies in <see cref="Memory"/>.</summary>
    /// <exception cref="InvalidOperationException">There is no <see cref="Room"/>.</exception>
    public void Add(in ReceivedDatagram datagram)
    {
        if (Room == 0) throw new InvalidOperationException("The batch is full.");
        _datagrams[Count++] = datagram;
    }

    /// <summary>Empties the batch and gives it back to its socket.</summary>
    public void Release()
    {
        Count = 0;
        _returned?.Invoke(this);
    }
}
