using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Punching;

namespace Porthole.Protocol.Peer;

/// <summary>TCP connections of a link: made by the punch or taken from a listener, asked who is at the other end, used as paths, closed.</summary>
internal sealed partial class PeerLink
{
    /// <summary>
    /// How long attempts go on after UDP is through. A connection that comes up in this time is the spare that carries the session where UDP is blocked later,
    /// be the server there or not; between most NATs it is a matter of one round trip. Long enough for the SYN that the system repeats after a second: behind Linux
    /// routers the first one is lost when the same two ports were connected less than ten seconds ago.
    /// </summary>
    private static readonly TimeSpan s_spareTime = TimeSpan.FromSeconds(1.5);

    /// <summary>
    /// The punches of a session that all connect by TCP, and which of the later ones do: where TCP never came through, every try costs hundreds of SYNs if NATs
    /// refuse them. Both sides count generations alike, and so agree.
    /// </summary>
    private const int FirstTcpGenerations = 4, TcpGenerations = 4;

    private readonly List<LinkConnection> _connections = [];
    private bool _hadTcpPath;
    private Instant? _stopTcpAt;

    /// <summary>Takes what became of a socket.</summary>
    /// <returns>Whether it was this link's business.</returns>
    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        // The puncher first: it is told of the connections it has made too, and attempts again what breaks.
        bool isMine = HandleFreshSocketEvent(now, socketEvent);
        isMine |= !_isFinished && _punch?.Tcp is { IsOpen: true } tcp && tcp.Puncher.HandleSocketEvent(now, socketEvent);
        isMine |= socketEvent switch
        {
            SocketEvent.Failed failed => HandleConnectionLost(now, failed.Socket),
            SocketEvent.Congested congested => SetCongested(congested.Socket, true),
            SocketEvent.Writable writable => SetCongested(writable.Socket, false),
            _ => false,
        };
        if (isMine) Pump(now);
        return isMine;
    }

    /// <summary>Takes a punching port that was opened while a punch may run.</summary>
    public void HandlePortOpened(Instant now, LocalTcpPort port)
    {
        _punch?.Tcp?.HandlePortOpened(now, port);
        Pump(now);
    }

    /// <summary>A punching port is lost, if that is one. Connections that use it go on.</summary>
    public void HandlePortGone(Instant now, SocketId listener)
    {
        _punch?.Tcp?.HandlePortGone(now, listener);
        Pump(now);
    }

    /// <summary>Takes what a NAT gave a connection that was made to see it.</summary>
    public void HandleSampled(Instant now, SocketId listener, TransportAddress? mapped)
    {
        if (_isFinished || _punch?.Tcp is not { } tcp) return;
        var foreseen = tcp.HandleSampled(now, listener, mapped);
        if (!foreseen.IsEmpty) _context.Rendezvous.SendCandidates(now, Id, _generation, foreseen);
    }

    /// <summary>Takes word that more is known of the punching ports.</summary>
    public void HandleTcpReport(Instant now)
    {
        if (!_isFinished && _punch?.Tcp is { IsOpen: true } tcp) _context.Rendezvous.SendCandidates(now, Id, _generation, tcp.TakeFreshCandidates());
    }

    /// <summary>Takes a message of a connection that nobody has claimed. If it is an authentic check for this link, the connection is the link's.</summary>
    public bool TryClaim(Instant now, UnclaimedConnection connection, ReadOnlySpan<byte> message)
    {
        if (_isFinished || _punch is not { } punch || _connections.Count == IceOptions.ConnectionLimit) return false;
        if (!punch.Agent.TryAccept(now, connection.Socket, connection.Local, connection.Remote, message)) return false;
        _connections.Add(new LinkConnection(connection.Socket, connection.Local, connection.Remote));
        punch.Tcp?.Puncher.HandleAccepted(now, connection.Socket, connection.Remote);
        Pump(now);
        return true;
    }

    /// <summary>Takes the next request to the driver.</summary>
    public bool TryTakeSocketRequest(Instant now, [NotNullWhen(true)] out SocketRequest? request)
    {
        request = null;
        return _punch?.Tcp is { } tcp && tcp.TryTakeRequest(now, out request);
    }

    /// <summary>Closes the connections, behind what was said on them.</summary>
    public void CloseConnections(Instant now)
    {
        _punch?.StopTcp(now);
        foreach (var connection in _connections) _context.Requests.Enqueue(new SocketRequest.Close(connection.Socket));
        _connections.Clear();
        CloseSockets(now);
    }

    private bool IsTurnOfTcp(int generation) => _hadTcpPath || generation < FirstTcpGenerations || generation % TcpGenerations == 0;

    private void HandlePunchEvent(Instant now, Punch punch, TcpPunchEvent punchEvent)
    {
        switch (punchEvent)
        {
            case TcpPunchEvent.Connected connected:
                // Without an agent that asks who is there a connection is of no use.
                if (_connections.Count == IceOptions.ConnectionLimit || !punch.Agent.AddConnection(now, connected.Socket, connected.Local, connected.Remote))
                {
                    Reset(connected.Socket);
                    break;
                }

                _connections.Add(new LinkConnection(connected.Socket, connected.Local, connected.Remote));
                ProveEarly(now, _connections[^1]);
                break;
            case TcpPunchEvent.FreshPortWanted wanted:
                punch.Tcp!.HandleFreshPortWanted(wanted.Listener);
                break;
            case TcpPunchEvent.Exhausted:
                punch.StopTcp(now);
                punch.HandleDeadline(now);
                break;
        }
    }

    /// <summary>A new agent asks again who is at the other end of the connections that still work; the others are closed, their ports are needed.</summary>
    private void HandOverConnections(Instant now, Punch punch)
    {
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            var connection = _connections[i];
            if (FindPath(connection.Socket, connection.Remote) is not { IsUsable: true })
            {
                DropConnection(now, connection);
                continue;
            }

            punch.Agent.AddConnection(now, connection.Socket, connection.Local, connection.Remote);
            if (!connection.Message.IsEmpty) punch.Agent.HandleDatagram(now, connection.Socket, connection.Remote, connection.Message.Span);
        }

        foreach (var waiting in _context.Unclaimed.Waiting.ToArray())
        {
            if (TryClaim(now, waiting, waiting.Message.Span)) _context.Unclaimed.Remove(waiting.Socket);
        }
    }

    /// <summary>
    /// Has a connection that this side made proved at once and not a round trip later, where there is no direct path yet: the challenge goes out behind the
    /// check, and the stream keeps that order. Who has connected by itself gets none before it has shown a check. It becomes a path when both have succeeded.
    /// </summary>
    private void ProveEarly(Instant now, LinkConnection connection)
    {
        if (_paths.Exists(static path => path is { IsDirect: true, IsUsable: true })) return;
        if (EnsurePath(now, connection.Socket, connection.Local, connection.Remote) is not { IsPairValid: false, IsAskedEarly: false } path) return;
        path.IsAskedEarly = true;
        Session!.Validate(now, path.Id);
    }

    /// <summary>A direct path is proved: says what becomes of the attempts, and of other connections.</summary>
    private void SettleTcp(Instant now, PathCandidate proved)
    {
        _hadTcpPath |= proved.Kind == PathKind.Tcp;
        if (_punch is not { } punch) return;
        if (proved.Kind == PathKind.Udp)
        {
            if (_context.Options.Prefer != PathKind.Tcp && punch.Tcp is { IsOpen: true }) _stopTcpAt ??= now + s_spareTime;
            return;
        }

        punch.StopTcp(now);
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            var connection = _connections[i];
            if (connection.Socket == proved.Socket || FindPath(connection.Socket, connection.Remote) is { IsPairValid: true, IsProved: true }) continue;

            // One side alone closes the others, for two that choose at once might leave none. Where the new agent had no answer, nothing is sent any more.
            if (punch.Agent.Role == IceRole.Controlling) DropConnection(now, connection);
            else if (FindPath(connection.Socket, connection.Remote) is { } old) old.IsProved = false;
        }
    }

    /// <summary>A check on a connection was not answered: who is there is a stranger, unless sealed packets show otherwise. The other side may not have the new credentials.</summary>
    private void HandleConnectionFailed(Instant now, LinkConnection connection)
    {
        if (FindPath(connection.Socket, connection.Remote) is { IsUsable: true } path)
        {
            path.IsProved = false;
            Session!.Validate(now, path.Id);
        }
        else
        {
            DropConnection(now, connection);
        }
    }

    private void HandleTcpDeadline(Instant now)
    {
        if (!(_stopTcpAt <= now)) return;
        _stopTcpAt = null;
        _punch?.StopTcp(now);
    }

    private bool HandleConnectionLost(Instant now, SocketId socket)
    {
        if (_connections.Find(connection => connection.Socket == socket) is not { } lost) return false;
        _connections.Remove(lost);
        _punch?.Agent.RemoveSocket(now, socket);
        if (FindPath(socket, lost.Remote) is not { } path) return true;
        bool wasActive = path == _active;
        Remove(now, path);
        SelectPath(now);
        if (wasActive && _active is not { IsDirect: true }) LookForDirect(now, VerdictReason.PathLost);
        return true;
    }

    private bool SetCongested(SocketId socket, bool isCongested)
    {
        if (_connections.Find(connection => connection.Socket == socket) is not { } connection) return false;
        connection.IsCongested = isCongested;
        if (FindPath(socket, connection.Remote) is { } path) Session?.SetCongested(path.Id, isCongested);
        return true;
    }

    /// <summary>Gives a connection up: the peer is told by RST, and its port is free for another to the same address.</summary>
    private void DropConnection(Instant now, LinkConnection connection)
    {
        _connections.Remove(connection);
        _punch?.Agent.RemoveSocket(now, connection.Socket);
        _punch?.Tcp?.Puncher.HandleClosed(now, connection.Socket);
        Reset(connection.Socket);
        if (FindPath(connection.Socket, connection.Remote) is not { } path) return;
        Remove(now, path);
        SelectPath(now);
    }

    private LinkConnection? FindConnection(SocketId socket)
    {
        foreach (var connection in _connections)
        {
            if (connection.Socket == socket) return connection;
        }

        return null;
    }

    private void Reset(SocketId socket) => _context.Requests.Enqueue(new SocketRequest.Close(socket, Abortive: true));
}

/// <summary>A TCP connection of a link.</summary>
internal sealed class LinkConnection(SocketId socket, TransportAddress local, TransportAddress remote) : PunchedConnection(socket, local, remote)
{
    /// <summary>How often in a row a proof may fail before the connection counts as dead: about ten seconds.</summary>
    public const int MaxUnproved = 3;

    /// <summary>Whether the socket takes nothing more for now.</summary>
    public bool IsCongested { get; set; }

    /// <summary>How often in a row its proof has failed.</summary>
    public int Unproved { get; set; }
}
