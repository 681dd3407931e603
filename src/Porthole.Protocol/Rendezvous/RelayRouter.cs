using System.Collections.Concurrent;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// Where relayed packets go: (connection, session) to connection. Safe from any thread; looking up takes no lock, so that forwarding does not wait for
/// the rendezvous machine, which alone adds and removes routes.
/// </summary>
public sealed class RelayRouter
{
    private readonly ConcurrentDictionary<(SocketId Connection, SessionId Session), Route> _routes = new();

    /// <summary>How many directions are open: two for each session.</summary>
    public int Count => _routes.Count;

    /// <summary>Opens a session's route between its two connections, and only between them.</summary>
    public void Add(SessionId session, SocketId first, RelayCounter firstCounter, SocketId second, RelayCounter secondCounter)
    {
        ArgumentNullException.ThrowIfNull(firstCounter);
        ArgumentNullException.ThrowIfNull(secondCounter);
        _routes[(first, session)] = new Route(second, firstCounter);
        _routes[(second, session)] = new Route(first, secondCounter);
    }

    /// <summary>Closes a session's route.</summary>
    public void Remove(SessionId session, SocketId first, SocketId second)
    {
        _routes.TryRemove((first, session), out _);
        _routes.TryRemove((second, session), out _);
    }

    /// <summary>Finds where one frame goes, and counts it as sent by its connection.</summary>
    /// <param name="from">The connection it came from.</param>
    /// <param name="frame">The whole message, which is passed on as it is.</param>
    /// <param name="to">The connection of the session's other side.</param>
    /// <returns>False when it is no relay frame, or that connection has no such session: it is dropped.</returns>
    public bool TryRoute(SocketId from, ReadOnlySpan<byte> frame, out SocketId to)
    {
        to = default;
        if (!RelayFrame.TryReadSession(frame, out var session) || !_routes.TryGetValue((from, session), out var route)) return false;
        route.Counter.Add(frame.Length);
        to = route.To;
        return true;
    }

    private sealed record Route(SocketId To, RelayCounter Counter);
}

/// <summary>How much one connection has sent through the relay. Safe from any thread.</summary>
public sealed class RelayCounter
{
    private long _bytes;
    private long _frames;

    /// <summary>The bytes of all frames, headers included.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>The number of frames.</summary>
    public long Frames => Interlocked.Read(ref _frames);

    internal void Add(int bytes)
    {
        Interlocked.Add(ref _bytes, bytes);
        Interlocked.Increment(ref _frames);
    }
}
