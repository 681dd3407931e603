using System.Collections.Immutable;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>The paths of a connection: proved by sealed challenges, chosen, left when they die. What looks for them is in PeerLink.Punching.cs.</summary>
internal sealed partial class PeerLink
{
    /// <summary>How many direct paths a session is given at a time: ICE keeps consent on three, the rest is room for those on their way out.</summary>
    private const int MaxDirectPaths = 8;

    private readonly List<PathCandidate> _paths = [];
    private readonly PunchSchedule _schedule = new();
    private PathCandidate? _relay;
    private PathCandidate? _active;
    private bool _isDuplicating;
    private bool _isPeerRelayOnly;

    /// <summary>Whether one of the two wants no direct path.</summary>
    private bool IsRelayOnly => _context.Options.RelayOnly || _isPeerRelayOnly;

    /// <summary>Takes a packet of the session that came on a UDP socket or a TCP connection.</summary>
    public void HandlePacket(Instant now, SocketId socket, TransportAddress remote, Span<byte> packet)
    {
        // An address that no authentic check came from gets no answer and no work: ICE finds moved peers by their checks.
        if (Session is null || FindPath(socket, remote) is not { } path) return;
        Session.HandlePacket(now, path.Id, packet);
        Pump(now);
    }

    /// <summary>
    /// Local sockets or listeners are gone: so is every path that uses them. A new punch follows as soon as the new addresses are proved. Connections break by
    /// themselves if their address is gone.
    /// </summary>
    public void HandleSocketsGone(Instant now, ImmutableArray<SocketId> sockets)
    {
        if (_isFinished) return;
        foreach (var socket in sockets)
        {
            _punch?.Agent.RemoveSocket(now, socket);
            _punch?.Tcp?.HandlePortGone(now, socket);
            foreach (var path in _paths.Where(path => path.Socket == socket).ToArray()) Remove(now, path);
        }

        HandleAddressesGone(now);

        Pump(now);
        HandleNetworkChange(now);
        SelectPath(now);
    }

    /// <summary>The main connection is gone, and with it the relay.</summary>
    public void HandleServerLost(Instant now)
    {
        if (IsRinging) (IsRinging, _giveUpAt) = (false, now + _context.Options.ConnectTimeout); // the call is made again as soon as the server is back
        if (IsWaiting) (IsWaiting, _giveUpAt) = (false, now + _context.Options.ConnectTimeout); // it is asked for again as soon as the server is back
        CloseRelay(now);
        if (IsIncoming && Session is null) Fail(now, PeerError.ServerUnreachable, "The connection to the server was lost before the call was answered.");
        Pump(now);
    }

    /// <summary>The peer is registered again: asks for the relay of this session.</summary>
    public void Reopen(Instant now)
    {
        if (Session is not null && !_isFinished && Remote is { } remote) _context.Rendezvous.Reopen(now, Id, remote, _generation);
    }

    /// <summary>The relay carries the session again.</summary>
    public void HandleReopened(Instant now, SocketId main, int generation)
    {
        if (Session is null || _isFinished) return;
        _generation = Math.Max(_generation, generation);
        _returnBy = null;
        OpenRelay(now, main);
        Pump(now);
    }

    public void SetRelayCongested(bool isCongested)
    {
        if (_relay is not null) Session?.SetCongested(_relay.Id, isCongested);
    }

    private void OpenRelay(Instant now, SocketId main)
    {
        CloseRelay(now);
        var header = new byte[RelayFrame.HeaderSize];
        RelayFrame.WriteHeader(header, Id);
        var id = Session!.AddPath(now, main, default, PathTraits.Relay, header, trusted: true);
        _relay = new PathCandidate(id, PathKind.Relay, main, default, default);
        _paths.Add(_relay);
        if (_context.IsRelayCongested) Session.SetCongested(id, true);
        SelectPath(now);
    }

    private void CloseRelay(Instant now)
    {
        if (_relay is not { } relay) return;
        _relay = null;
        Remove(now, relay);
        SelectPath(now);
    }

    /// <summary>Whether a direct path carries the session, only not by the transport that is preferred.</summary>
    private bool IsOnSecondBest => _active is { IsDirect: true, IsDead: false } active && active.Kind != _context.Options.Prefer
        && _context.Wants(_context.Options.Prefer == PathKind.Tcp ? Transports.Tcp : Transports.Udp);

    private Instant? MeasureDeadline => IsOnSecondBest ? _schedule.NextMeasure : null;

    /// <summary>Has the paths of the preferred transport proved anew that are there, but looked slow or dead: as soon as one is not, the session moves to it.</summary>
    private void MeasureAgain(Instant now)
    {
        if (!IsOnSecondBest || !_schedule.TryTakeMeasure(now)) return;
        foreach (var path in _paths)
        {
            if (path is { IsPairValid: true, IsRetiring: false } && path.Kind == _context.Options.Prefer) Session!.Validate(now, path.Id);
        }
    }

    private void HandlePairLost(Instant now, CandidatePair pair)
    {
        if (FindPath(pair.Socket, pair.RemoteAddress) is not { } path) return;
        bool wasActive = path == _active;
        Remove(now, path);
        if (FindConnection(path.Socket) is { } connection) DropConnection(now, connection);
        SelectPath(now);
        if (wasActive && _active is not { IsDirect: true }) LookForDirect(now, VerdictReason.PathLost);
    }

    private void HandlePathProved(Instant now, SessionEvent.PathValidated validated)
    {
        if (FindPath(validated.Path) is not { } path) return;
        if (path is { IsAskedEarly: true, IsPairValid: false }) path.EarlyProof = validated.RoundTrip;
        else HandlePathProved(now, path, validated.RoundTrip);
    }

    private void HandlePathProved(Instant now, PathCandidate path, TimeSpan roundTrip)
    {
        path.EarlyProof = null;
        path.IsProved = true;
        path.IsDead = false;
        if (FindConnection(path.Socket) is { } connection) connection.Unproved = 0;
        path.RoundTrip = roundTrip;
        if (path.IsDirect) SettleTcp(now, path);
        SelectPath(now);
    }

    private void HandlePathNotProved(Instant now, PathId id)
    {
        if (FindPath(id) is not { } path) return;
        path.IsProved = false;

        if (FindConnection(path.Socket) is { } connection)
        {
            // TCP loses nothing, but a full queue on the way holds it up for seconds.
            if (++connection.Unproved < LinkConnection.MaxUnproved)
            {
                Session!.Validate(now, id);
                return;
            }

            DropConnection(now, connection);
        }

        SelectPath(now);
        if (_active is not { IsDirect: true }) LookForDirect(now, _schedule.HadDirectPath ? VerdictReason.PathLost : VerdictReason.DataBlocked);
    }

    private void HandlePathSuspect(Instant now, PathId id)
    {
        if (_active?.Id != id) return;
        if (_relay is not null && _active != _relay)
        {
            _isDuplicating = true;
            Session!.Duplicate(now, _relay.Id);
        }

        // What silenced this path may have silenced the spare ones: they are asked before the session moves to one.
        foreach (var path in _paths)
        {
            if (path == _active || !path.IsDirect || !path.IsPairValid) continue;
            path.IsProved = false;
            Session!.Validate(now, path.Id);
        }

        // The server knows soon whether it still hears this peer, and the peer whether it still hears the server.
        _context.Rendezvous.Probe(now);
    }

    private void HandlePathDead(Instant now, PathId id)
    {
        if (FindPath(id) is not { Kind: not PathKind.Relay } path) return;
        path.IsDead = true;
        bool wasActive = path == _active;
        SelectPath(now);
        if (wasActive && _active is not { IsDirect: true, IsDead: false }) LookForDirect(now, VerdictReason.PathLost);
    }

    private void HandlePathRecovered(Instant now, PathId id)
    {
        if (FindPath(id) is not { } path) return;
        if (path == _active) StopDuplicating(now);
        if (!path.IsDead) return;

        // One packet may be an echo of better times; a challenge must pass before the session moves back.
        path.IsDead = false;
        path.IsProved = false;
        Session!.Validate(now, path.Id);
    }

    private void LookForDirect(Instant now, VerdictReason reason)
    {
        if (_isFinished || IsRelayOnly) return;
        Announce(now, reason);
        _schedule.HandleFailure(now);
    }

    private void SelectPath(Instant now)
    {
        if (Session is null) return;
        RefreshRoundTrip();
        var chosen = PathSelector.Choose(_paths, _active, _context.Options.Prefer);
        if (chosen is null || chosen == _active) return;
        _active = chosen;
        StopDuplicating(now);
        Session.SetActive(now, chosen.Id);
        if (IsOnSecondBest) _schedule.HandleSecondBest(now);
        else if (chosen.IsDirect) _schedule.HandleDirect();
        if (chosen.Pair is { } pair) _punch?.Agent.Use(pair);
        if (!_isOpen || _isFinished) return;
        _context.Events.Enqueue(new PeerEvent.PathChanged(Handle, chosen.ToPublic()));
        if (chosen.IsDirect) Announce(now, VerdictReason.Direct);
    }

    // The path in use may stand in its own queues, which the proof of another stood in as well. Only towards the preferred transport: away from it, a spare
    // that lay idle would look better than it is.
    private void RefreshRoundTrip()
    {
        if (!IsOnSecondBest || !_paths.Exists(static path => path is { IsDirect: true, IsUsable: true })) return;
        foreach (var path in Session!.Paths)
        {
            if (path.Id == _active!.Id && path.SmoothedRoundTrip is { } smoothed) _active.RoundTrip = smoothed;
        }
    }

    private void StopDuplicating(Instant now)
    {
        if (!_isDuplicating) return;
        _isDuplicating = false;
        Session!.Duplicate(now, null);
    }

    private PathCandidate? EnsurePath(Instant now, SocketId socket, TransportAddress local, TransportAddress remote)
    {
        if (Session is null) return null;
        if (FindPath(socket, remote) is { } known) return known;
        if (_paths.Count(static path => path.IsDirect) >= MaxDirectPaths)
        {
            if (_paths.Find(path => path is { IsDirect: true, IsPairValid: false } && path != _active) is not { } oldest) return null;
            Remove(now, oldest);
        }

        var connection = FindConnection(socket);
        var traits = connection is null ? PathTraits.Udp : PathTraits.Tcp;
        var added = new PathCandidate(Session.AddPath(now, socket, remote, traits, default, trusted: false), traits.Kind, socket, local, remote);
        _paths.Add(added);
        if (connection is { IsCongested: true }) Session.SetCongested(added.Id, true);
        return added;
    }

    private void Remove(Instant now, PathCandidate path)
    {
        _paths.Remove(path);
        Session?.RemovePath(now, path.Id);
        if (_active == path) _active = null;
        if (_fresh.TryFind(path.Socket, out _)) CloseIdleSocketsLater(now);
    }

    /// <summary>Without a lambda, because it is done for every packet and a closure would be garbage for every packet.</summary>
    private PathCandidate? FindPath(SocketId socket, TransportAddress remote)
    {
        foreach (var path in _paths)
        {
            if (path.Kind != PathKind.Relay && path.Socket == socket && path.Remote == remote) return path;
        }

        return null;
    }

    private PathCandidate? FindPath(PathId id)
    {
        foreach (var path in _paths)
        {
            if (path.Id == id) return path;
        }

        return null;
    }
}
