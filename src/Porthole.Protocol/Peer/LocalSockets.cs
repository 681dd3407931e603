using System.Collections.Immutable;

namespace Porthole.Protocol.Peer;

/// <summary>The UDP sockets of a peer: one for each local address, so that the socket tells which address a datagram came to.</summary>
/// <param name="port">The port to bind on every address.</param>
/// <param name="anyPortInstead">Whether another port will do where that one is taken.</param>
/// <param name="nextSocket">Numbers the next socket of the machine.</param>
internal sealed class LocalSockets(ushort port, bool anyPortInstead, Func<SocketId> nextSocket)
{
    private readonly List<LocalSocket> _sockets = [];
    private readonly List<LocalSocket> _successors = [];
    private readonly List<LocalSocket> _retired = [];
    private readonly Queue<SocketRequest> _requests = [];

    /// <summary>The sockets that are open.</summary>
    public IEnumerable<LocalSocket> Open => _sockets.Where(static socket => socket.IsOpen);

    /// <summary>Whether every socket that was asked for is open or was given up.</summary>
    public bool IsSettled => _sockets.TrueForAll(static socket => socket.IsOpen);

    /// <summary>Takes the addresses that the host has now: closes the sockets of those that are gone, asks for one on each new one.</summary>
    /// <returns>The sockets that were closed.</returns>
    public ImmutableArray<SocketId> SetAddresses(ImmutableArray<TransportAddress> addresses)
    {
        var gone = _sockets.Where(socket => !addresses.Any(socket.Wanted.SameHost)).ToImmutableArray();
        foreach (var socket in gone)
        {
            _sockets.Remove(socket);
            _requests.Enqueue(new SocketRequest.Close(socket.Id));
        }

        foreach (var address in addresses)
        {
            if (!_sockets.Exists(socket => socket.Wanted.SameHost(address))) Bind(address.WithPort(port));
        }

        foreach (var socket in _successors.Concat(_retired).Where(socket => !addresses.Any(socket.Wanted.SameHost)).ToArray()) Drop(socket.Id);
        return [.. gone.Select(static socket => socket.Id)];
    }

    /// <summary>Asks for another socket, with any port, that is to take the place of one; <see cref="TryPromote"/> lets it, once it is ready.</summary>
    public void Renew(SocketId id)
    {
        if (_sockets.Find(socket => socket.Id == id) is not { IsOpen: true } old || _successors.Exists(socket => socket.Wanted.SameHost(old.Wanted))) return;
        var wanted = old.Wanted.WithPort(0);
        var successor = new LocalSocket(nextSocket(), wanted, default, IsOpen: false);
        _successors.Add(successor);
        _requests.Enqueue(new SocketRequest.UdpBind(successor.Id, wanted));
    }

    /// <summary>Puts a successor in the place of the socket that it is for.</summary>
    /// <param name="id">The successor.</param>
    /// <param name="retired">The socket that was there before: it stays open until it is dropped.</param>
    /// <returns>False when it is no successor, or not open yet.</returns>
    public bool TryPromote(SocketId id, out SocketId retired)
    {
        retired = default;
        if (_successors.Find(socket => socket.Id == id) is not { IsOpen: true } successor) return false;
        _successors.Remove(successor);
        int index = _sockets.FindIndex(socket => socket.Wanted.SameHost(successor.Wanted));
        if (index < 0)
        {
            _requests.Enqueue(new SocketRequest.Close(id));
            return false;
        }

        var old = _sockets[index];
        retired = old.Id;
        _retired.Add(old);
        _sockets[index] = successor with { Wanted = old.Wanted };
        return true;
    }

    /// <summary>Closes a successor or a retired socket.</summary>
    public void Drop(SocketId id)
    {
        if (_successors.RemoveAll(socket => socket.Id == id) + _retired.RemoveAll(socket => socket.Id == id) > 0) _requests.Enqueue(new SocketRequest.Close(id));
    }

    /// <summary>Closes all.</summary>
    public void Close() => SetAddresses([]);

    /// <summary>The socket of an address; null when there is none.</summary>
    public LocalSocket? Find(TransportAddress address) => _sockets.Find(socket => socket.Wanted.SameHost(address));

    /// <summary>Whether a number is that of one of these sockets.</summary>
    public bool Owns(SocketId id) => _sockets.Exists(socket => socket.Id == id) || _successors.Exists(socket => socket.Id == id) || _retired.Exists(socket => socket.Id == id);

    /// <summary>Takes word of an open socket.</summary>
    public void HandleOpened(SocketId id, TransportAddress local)
    {
        foreach (var list in new[] { _sockets, _successors })
        {
            int index = list.FindIndex(socket => socket.Id == id);
            if (index >= 0) list[index] = list[index] with { Local = local, IsOpen = true };
        }
    }

    /// <summary>Takes word of a socket that failed; asks again for any port where that may help.</summary>
    /// <returns>False when the port was asked for by the user and cannot be had.</returns>
    public bool HandleFailed(SocketId id, SocketFailure reason)
    {
        if (_successors.RemoveAll(socket => socket.Id == id) + _retired.RemoveAll(socket => socket.Id == id) > 0) return true;
        int index = _sockets.FindIndex(socket => socket.Id == id);
        if (index < 0) return true;
        var failed = _sockets[index];
        _sockets.RemoveAt(index);
        if (reason != SocketFailure.InUse) return true;
        if (!anyPortInstead) return false;
        if (failed.Wanted.Port != 0) Bind(failed.Wanted.WithPort(0));
        return true;
    }

    /// <summary>Takes the next request to the driver.</summary>
    public bool TryTakeRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    private void Bind(TransportAddress wanted)
    {
        var id = nextSocket();
        _sockets.Add(new LocalSocket(id, wanted, default, IsOpen: false));
        _requests.Enqueue(new SocketRequest.UdpBind(id, wanted));
    }
}

/// <summary>One UDP socket of a peer.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Wanted">The address that was asked for.</param>
/// <param name="Local">The address it is bound to, once open.</param>
/// <param name="IsOpen">Whether it is open.</param>
internal sealed record LocalSocket(SocketId Id, TransportAddress Wanted, TransportAddress Local, bool IsOpen);
