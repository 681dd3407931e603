namespace Porthole.Protocol;

/// <summary>A socket as machines know it: a number. A machine numbers the sockets it asks for from 1 up; a driver numbers accepted ones from -1 down.</summary>
/// <param name="Value">The number; 0 is no socket.</param>
public readonly record struct SocketId(int Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"#{Value}";
}

/// <summary>Where one received datagram lies in its batch, and where it came from.</summary>
/// <param name="Socket">The socket it arrived on.</param>
/// <param name="Remote">Who sent it; default on a connected socket whose peer needs no name (the main connection).</param>
/// <param name="Offset">Its first byte in the batch's buffer.</param>
/// <param name="Length">Its length in bytes.</param>
public readonly record struct ReceivedDatagram(SocketId Socket, TransportAddress Remote, int Offset, int Length);

/// <summary>
/// Datagrams that arrived together: one input to a machine. The machine may change the bytes (it opens sealed packets in place) and must
/// not keep them.
/// </summary>
/// <param name="buffer">The bytes of all datagrams.</param>
/// <param name="datagrams">Where each datagram lies.</param>
public readonly ref struct DatagramBatch(Span<byte> buffer, ReadOnlySpan<ReceivedDatagram> datagrams)
{
    private readonly Span<byte> _buffer = buffer;

    /// <summary>Source and place of each datagram, in order of arrival.</summary>
    public ReadOnlySpan<ReceivedDatagram> Datagrams { get; } = datagrams;

    /// <summary>The bytes of one datagram.</summary>
    public Span<byte> Bytes(in ReceivedDatagram datagram) => _buffer.Slice(datagram.Offset, datagram.Length);
}
