using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Peer;

/// <summary>
/// The TCP punching ports of a peer: one shared listener on each local address, from whose port connections go out as well. Beside these there are fresh ones,
/// for punches that have spent the standing port.
/// </summary>
/// <param name="anyPortInstead">Whether another port will do where the wanted one is taken.</param>
/// <param name="nextSocket">Numbers the next socket of the machine.</param>
internal sealed class LocalTcpPorts(bool anyPortInstead, Func<SocketId> nextSocket)
{
    /// <summary>The most fresh ports at a time, over all punches: each costs a listener and a mapping.</summary>
    public const int MaxFresh = 8;

    private readonly List<LocalTcpPort> _ports = [];
    private readonly Queue<SocketRequest> _requests = [];

    /// <summary>The standing ports that are open, in the order of the addresses.</summary>
    public IEnumerable<LocalTcpPort> Open => _ports.Where(static port => port is { State: LocalTcpPortState.Open, IsFresh: false });

    /// <summary>Whether every standing port that was asked for is open or was given up.</summary>
    public bool IsSettled => _ports.TrueForAll(static port => port.State != LocalTcpPortState.Asked || port.IsFresh);

    /// <summary>Takes the addresses that the host has now, with the port that is wanted on each: closes what is on others, listens where nothing is yet.</summary>
    /// <returns>The listeners that were closed.</returns>
    public ImmutableArray<SocketId> SetAddresses(ImmutableArray<TransportAddress> addresses)
    {
        var gone = _ports.Where(port => !addresses.Any(port.Wanted.SameHost)).ToImmutableArray();
        foreach (var port in gone) Close(port);
        foreach (var address in addresses)
        {
            if (!_ports.Exists(port => !port.IsFresh && port.Wanted.SameHost(address))) Listen(address, isFresh: false);
        }

        return [.. gone.Select(static port => port.Listener)];
    }

    /// <summary>Tries the ports again that could not be had: the network has changed, and who held them may be gone.</summary>
    public void ForgetFailures() => _ports.RemoveAll(static port => port.State == LocalTcpPortState.GivenUp);

    /// <summary>Asks for one more port, whichever is free, on the address of another.</summary>
    /// <param name="listener">The other.</param>
    /// <returns>The new listener; null when there are <see cref="MaxFresh"/>, or the other is gone.</returns>
    public SocketId? OpenFresh(SocketId listener)
    {
        int fresh = 0;
        LocalTcpPort? other = null;
        foreach (var port in _ports)
        {
            if (port.IsFresh) fresh++;
            if (port.Listener == listener) other = port;
        }

        return other is null || fresh == MaxFresh ? null : Listen(other.Wanted.WithPort(0), isFresh: true);
    }

    /// <summary>Closes a fresh port. Connections that use it go on.</summary>
    public void CloseFresh(SocketId listener)
    {
        if (_ports.Find(port => port.Listener == listener && port.IsFresh) is { } port) Close(port);
    }

    /// <summary>Closes all.</summary>
    public void Close() => SetAddresses([]);

    /// <summary>Finds the port of a listener.</summary>
    public bool TryFind(SocketId listener, [NotNullWhen(true)] out LocalTcpPort? port)
    {
        port = null;
        foreach (var known in _ports)
        {
            if (known.Listener == listener) port = known;
        }

        return port is not null;
    }

    /// <summary>Takes word of an open listener.</summary>
    public void HandleOpened(SocketId listener, TransportAddress local)
    {
        int index = _ports.FindIndex(port => port.Listener == listener);
        if (index >= 0) _ports[index] = _ports[index] with { Local = local, State = LocalTcpPortState.Open };
    }

    /// <summary>Takes word of a listener that failed; asks again for any port where that may help.</summary>
    /// <returns>False when the port was asked for by the user and cannot be had.</returns>
    public bool HandleFailed(SocketId listener, SocketFailure reason)
    {
        int index = _ports.FindIndex(port => port.Listener == listener);
        if (index < 0) return true;
        var failed = _ports[index];
        bool mayMove = reason == SocketFailure.InUse && anyPortInstead && failed.Wanted.Port != 0;
        if (mayMove || failed.IsFresh) _ports.RemoveAt(index);
        else _ports[index] = failed with { State = LocalTcpPortState.GivenUp };
        if (mayMove) Listen(failed.Wanted.WithPort(0), failed.IsFresh);
        return reason != SocketFailure.InUse || anyPortInstead;
    }

    /// <summary>Takes the next request to the driver.</summary>
    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    private SocketId Listen(TransportAddress wanted, bool isFresh)
    {
        var listener = nextSocket();
        _ports.Add(new LocalTcpPort(listener, wanted, default, LocalTcpPortState.Asked, isFresh));
        _requests.Enqueue(new SocketRequest.TcpListen(listener, wanted, Shared: true));
        return listener;
    }

    private void Close(LocalTcpPort port)
    {
        _ports.Remove(port);
        if (port.State != LocalTcpPortState.GivenUp) _requests.Enqueue(new SocketRequest.Close(port.Listener));
    }
}

/// <summary>How far a punching port is.</summary>
internal enum LocalTcpPortState
{
    /// <summary>The driver was asked for it.</summary>
    Asked,

    /// <summary>It listens.</summary>
    Open,

    /// <summary>It could not be had, or was lost; tried again when the network changes.</summary>
    GivenUp,
}

/// <summary>One punching port.</summary>
/// <param name="Listener">Its listener.</param>
/// <param name="Wanted">The address that was asked for.</param>
/// <param name="Local">The address and port, once open.</param>
/// <param name="State">How far it is.</param>
/// <param name="IsFresh">Whether it serves one punch, in the place of a standing port.</param>
internal sealed record LocalTcpPort(SocketId Listener, TransportAddress Wanted, TransportAddress Local, LocalTcpPortState State, bool IsFresh);
