using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// The TCP half of a punch: which addresses are connected to, from which ports, when; and what is done where NATs give ports that nobody knows beforehand.
/// Who is at the other end of a connection is asked by the agent of the punch.
/// </summary>
internal sealed class TcpPunch
{
    /// <summary>The most fresh ports of one punch: each costs a listener and a mapping here, and a message to the other side.</summary>
    public const int MaxFresh = 2;

    /// <summary>How many samples may stay without an answer, 1.5 s each, before the SYNs leave without one: a punch takes eight seconds.</summary>
    private const int MaxMisses = 3;

    /// <summary>How long plain attempts go alone: most pairs need no guessing, and are through by then.</summary>
    public static readonly TimeSpan SprayDelay = TimeSpan.FromMilliseconds(400);

    /// <summary>What is added to the way of the foreseen ports to the other side: time to take them and to send the SYNs.</summary>
    private static readonly TimeSpan s_fireMargin = TimeSpan.FromMilliseconds(10);

    private readonly PeerContext _context;
    private readonly SessionId _session;
    private readonly PunchPlan _plan;
    private readonly int _step;
    private readonly List<SocketId> _fresh = [];
    private readonly List<SocketId> _told = [];
    private readonly List<TransportAddress> _held = [];
    private Instant? _startAt;
    private Instant? _fireAt;
    private Instant? _sprayAt;
    private SocketId _sampled;
    private int _misses;
    private bool _isCounted;
    private bool _isOver;

    private TcpPunch(PeerContext context, SessionId session, PeerId peer, PunchPlan plan)
    {
        (_context, _session, _plan) = (context, session, plan);
        Puncher = new TcpPuncher(TcpPunchOptions.Default, context.Entropy, context.NextSocket, context.Sprays, peer);
        var here = (plan.OwnNat ?? context.Nat).Tcp;
        Way = TcpPlanner.Plan(here, plan.Nat.Tcp);
        _step = here?.Step ?? 0; // as the plan knows it: the probe may have learnt otherwise when the sample comes

        // A question that was lost makes a step of two out of one: every port is named, and of a NAT that really leaves one out half as many.
        if (_step is 2 or -2) _step /= 2;
    }

    public TcpPuncher Puncher { get; }

    /// <summary>How ports that are not known are dealt with.</summary>
    public TcpPlan Way { get; }

    /// <summary>Whether it makes attempts, or will as soon as there is somewhere to connect to.</summary>
    public bool IsOpen => !_isOver;

    /// <summary>Whether the other side has an address to connect to.</summary>
    public bool HasRemote { get; private set; }

    /// <summary>Whether attempts are under way.</summary>
    public bool IsRunning => Puncher.IsRunning;

    public Instant? NextDeadline => _isOver ? null : Instant.Earlier(Puncher.NextDeadline, Instant.Earlier(_fireAt, _sprayAt));

    /// <summary>Sets up the attempts of one punch from the ports that are open.</summary>
    public static TcpPunch Create(PeerContext context, SessionId session, PeerId peer, PunchPlan plan, Instant now)
    {
        var punch = new TcpPunch(context, session, peer, plan);
        foreach (var port in context.TcpPorts.Open) punch.Puncher.AddLocal(now, port.Listener, port.Local);
        return punch;
    }

    /// <summary>Adds a candidate of the other side.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="address">Its address.</param>
    /// <param name="type">What the other side does there.</param>
    public void AddRemote(Instant now, TransportAddress address, TcpCandidateType type)
    {
        if (_isOver || type == TcpCandidateType.Active || IsOwn(address)) return;
        HasRemote = true;
        if (_startAt <= now) Begin(now);

        // What goes to a NAT's outside takes the next port, which must be the one that was foreseen: not before that is known.
        if (Way.Kind == TcpPlanKind.Predict && _sampled != default && IsThroughNat(address)) _held.Add(address);
        else Puncher.AddRemote(now, address, type);
    }

    /// <summary>Has the next port foreseen, if that is the plan. To be called before candidates are added.</summary>
    public void Prepare(Instant now)
    {
        if (Way.Kind != TcpPlanKind.Predict || _context.TcpPorts.Open.FirstOrDefault() is not { } port) return;
        _sampled = port.Listener;
        _context.TcpProbe.Sample(now, port.Listener);
    }

    /// <summary>The moment that both sides agreed on.</summary>
    public void Start(Instant now)
    {
        _startAt ??= now;
        if (HasRemote) Begin(now);
    }

    /// <summary>Takes a port that was opened while the punch runs.</summary>
    public void HandlePortOpened(Instant now, LocalTcpPort port)
    {
        if (_isOver || (port.IsFresh && !_fresh.Contains(port.Listener))) return;
        Puncher.AddLocal(now, port.Listener, port.Local);
    }

    /// <summary>Takes word that a port is gone.</summary>
    public void HandlePortGone(Instant now, SocketId listener)
    {
        _fresh.Remove(listener);
        Puncher.RemoveLocal(now, listener);
    }

    /// <summary>Takes the fresh ports whose mappings have become known: the other side needs them, and nobody else.</summary>
    public ImmutableArray<CandidateInfo> TakeFreshCandidates()
    {
        var found = ImmutableArray.CreateBuilder<CandidateInfo>();
        foreach (var listener in _fresh)
        {
            if (_told.Contains(listener) || !_context.TcpPorts.TryFind(listener, out var port)) continue;
            if (CandidateGatherer.FindTcp(_context, port) is not { } info) continue;
            _told.Add(listener);
            found.Add(info);
        }

        return found.DrainToImmutable();
    }

    /// <summary>A port is spent: opens another in its place.</summary>
    public void HandleFreshPortWanted(SocketId listener)
    {
        // Foreseen ports are those of one local port; another would have to be foreseen anew, and the next punch does so.
        if (_isOver || Way.Kind == TcpPlanKind.Predict || _fresh.Count == MaxFresh) return;
        if (_context.TcpPorts.OpenFresh(listener) is { } fresh) _fresh.Add(fresh);
    }

    /// <summary>Takes what the NAT gave a connection that was made to see it: the next ports follow, and the other side is told.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="listener">The punching port.</param>
    /// <param name="mapped">What was seen; null when no answer came.</param>
    /// <returns>The candidates to send to the other side.</returns>
    public ImmutableArray<CandidateInfo> HandleSampled(Instant now, SocketId listener, TransportAddress? mapped)
    {
        if (_isOver || listener != _sampled || _fireAt is not null || !_context.TcpPorts.TryFind(listener, out var port)) return [];
        if (mapped is not { } last)
        {
            if (++_misses < MaxMisses) _context.TcpProbe.Sample(now, listener);
            else Fire(now); // better no foresight than no SYN at all
            return [];
        }

        // The SYNs leave when the other side has had the time to open its NAT for them: one that refuses would take the mapping away otherwise.
        _fireAt = now + (_plan.LocalRtt + _plan.RemoteRtt) / 2 + s_fireMargin;
        var predicted = ImmutableArray.CreateBuilder<CandidateInfo>(Way.Count);
        for (int i = 1; i <= Way.Count; i++)
        {
            int next = last.Port + i * _step;
            if (next is >= RendezvousLimits.MinHostPort and <= ushort.MaxValue) predicted.Add(CandidateGatherer.Foresee(_context, port, last.WithPort((ushort)next)));
        }

        return predicted.ToImmutable();
    }

    /// <summary>Takes the passing of time.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="vouched">An address of the other side that the server vouches for, to spray at; null when there is none, or the turn is another's.</param>
    public void HandleDeadline(Instant now, TransportAddress? vouched)
    {
        if (_isOver) return;
        Puncher.HandleDeadline(now);
        if (_fireAt <= now) Fire(now);
        if (!(_sprayAt <= now)) return;
        _sprayAt = vouched is null ? now + SprayDelay : null;
        if (vouched is { } remote) Spray(now, remote);
    }

    /// <summary>The connection is there, or a better one, or the time is over: nothing more is attempted, and the fresh ports are closed.</summary>
    public void Stop(Instant now)
    {
        if (_isOver) return;
        _isOver = true;
        Puncher.Stop(now);
        DropRequests();
        foreach (var listener in _fresh)
        {
            _context.TcpProbe.RemovePort(now, listener);
            _context.TcpPorts.CloseFresh(listener);
        }

        _fresh.Clear();
        if (_isCounted) _context.TcpPunches--;
    }

    /// <summary>Takes the next request to the driver.</summary>
    public bool TryTakeRequest(Instant now, [NotNullWhen(true)] out SocketRequest? request)
    {
        request = null;
        if (_isOver || !Puncher.TryTakeRequest(out request)) return false;
        if (request is SocketRequest.TcpConnect) _context.Connects.Take(now);
        return true;
    }

    /// <summary>The last requests of the puncher: what is open is closed, and what was never asked for needs no closing.</summary>
    private void DropRequests()
    {
        var never = new List<SocketId>();
        while (Puncher.TryTakeRequest(out var request))
        {
            if (request is SocketRequest.TcpConnect) never.Add(request.Socket);
            else if (!never.Contains(request.Socket)) _context.Requests.Enqueue(request);
        }
    }

    private void Begin(Instant now)
    {
        if (_isCounted) return;
        _isCounted = true;
        _context.TcpPunches++;
        Puncher.Start(now);
        if (Way.Kind is TcpPlanKind.SprayFrom or TcpPlanKind.SprayTo) _sprayAt = now + SprayDelay;
    }

    private void Fire(Instant now)
    {
        (_fireAt, _sampled) = (null, default);
        foreach (var address in _held) Puncher.AddRemote(now, address, TcpCandidateType.SimultaneousOpen);
        _held.Clear();
    }

    private void Spray(Instant now, TransportAddress remote)
    {
        foreach (var port in _context.TcpPorts.Open)
        {
            if (port.Local.IsIPv6 != remote.IsIPv6) continue;
            if (Way.Kind == TcpPlanKind.SprayFrom) Puncher.SprayFrom(now, port.Local, remote, Way.Count);
            else Puncher.SprayTo(now, port.Listener, remote, DrawPorts());
            return;
        }
    }

    /// <summary>Draws ports of the band, each once.</summary>
    private ushort[] DrawPorts()
    {
        var ports = new List<ushort>(Way.Count);
        while (ports.Count < Way.Count)
        {
            ushort port = (ushort)_context.Entropy.NextInt32(Way.LowestPort, Way.HighestPort + 1);
            if (!ports.Contains(port)) ports.Add(port);
        }

        return [.. ports];
    }

    private static bool IsThroughNat(TransportAddress address) => !(address.IsPrivate || address.IsLinkLocal || address.IsLoopback);

    // Two LANs may use the same prefix, and two hosts the same address in it: a connection to oneself finds nobody.
    private bool IsOwn(TransportAddress address)
    {
        foreach (var port in _context.TcpPorts.Open)
        {
            if (port.Local == address) return true;
        }

        return false;
    }
}
