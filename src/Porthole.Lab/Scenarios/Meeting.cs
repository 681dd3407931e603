using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Lab.Scenarios;

/// <summary>One call between two whole peers, each behind something of its own, with a whole server between them, in virtual time.</summary>
public sealed class Meeting
{
    /// <summary>How long peers may take to register: one that has no UDP asks for an answer for a while.</summary>
    private static readonly TimeSpan s_registration = TimeSpan.FromSeconds(15);

    private static readonly byte[] s_greeting = [0x68, 0x69];

    private readonly MeetingOptions _options;
    private readonly Flow _fromCaller;
    private readonly Flow _fromCalled;
    private Instant? _firstByte;

    private Meeting(ulong seed, MeetingOptions options)
    {
        _options = options;

        // Three equal links: half of the way each.
        var half = new LinkOptions { Delay = options.OneWay / 2 };
        World = new PeerInternet(seed, half);
        var homeA = AddHome("nat-a", options.Caller, 1, "192.168.1", half);
        var homeB = AddHome("nat-b", options.Called, 101, "192.168.2", half);
        Called = World.AddPeer("bob", homeB.Inside, "192.168.2.10", change: Change);
        Caller = World.AddPeer("alice", homeA.Inside, "192.168.1.10", change: Change);
        (_fromCaller, _fromCalled) = (new Flow(Caller, options.Called, 101), new Flow(Called, options.Caller, 1));
        if (!Lab.RunUntil(() => Caller.IsRegistered && Called.IsRegistered, s_registration)) throw new InvalidOperationException("The peers did not register.");
        Lab.RunFor(options.WarmUp);

        // On the way up alone, so that each direction between the two crosses one bad link.
        homeA.Link.Up = homeB.Link.Up = half with { Loss = options.Loss, Jitter = options.Jitter };
        (Caller.Host.MainConnectionLag, Called.Host.MainConnectionLag) = (options.Caller.Lag, options.Called.Lag);

        PeerMachineOptions Change(PeerMachineOptions peer) => peer with { Transports = options.Transports };
    }

    /// <summary>The internet between them.</summary>
    public PeerInternet World { get; }

    /// <summary>The one who calls.</summary>
    public SimulatedPeer Caller { get; }

    /// <summary>The one who is called.</summary>
    public SimulatedPeer Called { get; }

    private Simulation Lab => World.Simulation;

    /// <summary>Lets two peers meet.</summary>
    /// <param name="seed">Decides everything that chance decides.</param>
    /// <param name="options">Who, and what lies between them.</param>
    /// <param name="watch">Called before the call, for who wants to watch or to interfere; null for nobody.</param>
    public static MeetingResult Run(ulong seed, MeetingOptions options, Action<Meeting>? watch = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var meeting = new Meeting(seed, options);
        watch?.Invoke(meeting);
        return meeting.Run();
    }

    private static string Address(int number) => $"203.0.113.{number}";

    private SimulatedRouter AddHome(string name, MeetingSide side, int firstAddress, string inside, LinkOptions link)
    {
        string addresses = string.Join(',', Enumerable.Range(firstAddress, side.Addresses).Select(Address));
        var home = Lab.Internet.AddNat(name, side.Nat, addresses, $"{inside}.0/24", link);
        home.Link.BlocksUdp = side.BlocksUdp;
        if (side.HasGateway) home.AddPortControl($"{inside}.1");
        return home;
    }

    private MeetingResult Run()
    {
        if (_options.FollowsPackets)
        {
            Lab.Trace = new PacketTrace(capacity: 0)
            {
                Watcher = entry =>
                {
                    _fromCaller.Take(entry);
                    _fromCalled.Take(entry);
                },
            };
        }

        _fromCaller.Start();
        _fromCalled.Start();
        var called = Lab.Now;
        var connection = Caller.Connect("bob");
        bool sent = false;
        bool isThrough = Lab.RunUntil(
            () =>
            {
                if (!sent && Caller.Opened == connection)
                {
                    sent = true;
                    Caller.Send(connection, s_greeting);
                }

                if (Called.BytesReceived > 0) _firstByte ??= Lab.Now;
                return Caller.PathOf(connection) is { IsDirect: true } && _firstByte is not null;
            },
            _options.Patience);
        if (isThrough) Lab.RunFor(_options.Afterwards);
        Lab.Trace = null;
        var path = Caller.PathOf(connection);
        var (verdict, calledVerdict) = (Caller.Machine.GetVerdict(connection), Called.Machine.GetVerdict(Called.Opened));
        bool isDirect = path is { IsDirect: true };
        return new MeetingResult(
            _firstByte - called,
            Caller.TimeOf<PeerEvent.PathChanged>(static changed => changed.Path.IsDirect) - called,
            isDirect ? MethodOf(path!.Kind, verdict, calledVerdict) : null,
            isDirect ? path!.Kind : null,
            verdict,
            _fromCaller.Cost,
            _fromCalled.Cost)
        {
            Reasons = ReasonsOf(called),
            CalledVerdict = calledVerdict,
        };
    }

    // Both sides do their part; the one that did more than send checks names the method.
    private static PunchMethod MethodOf(PathKind kind, PathVerdict caller, PathVerdict called)
    {
        var method = kind == PathKind.Udp ? PunchMethod.Plain : PunchMethod.Tcp;
        foreach (var attempt in caller.Tried.Concat(called.Tried))
        {
            bool isOfKind = attempt.Method >= PunchMethod.Tcp == (kind == PathKind.Tcp);
            if (attempt.Outcome == AttemptOutcome.Succeeded && isOfKind && attempt.Method > method) method = attempt.Method;
        }

        return method;
    }

    private Dictionary<VerdictReason, TimeSpan> ReasonsOf(Instant called)
    {
        var reasons = new Dictionary<VerdictReason, TimeSpan>();
        foreach (var (at, happened) in Caller.Events)
        {
            if (happened is PeerEvent.VerdictChanged changed) reasons.TryAdd(changed.Verdict.Reason, at - called);
        }

        return reasons;
    }

    /// <summary>What one side sends to the public addresses of the other.</summary>
    private sealed class Flow(SimulatedPeer peer, MeetingSide towards, int firstAddress)
    {
        private readonly HashSet<TransportAddress> _targets =
            [.. Enumerable.Range(firstAddress, towards.Addresses).Select(static number => TransportAddress.Parse($"{Address(number)}:0"))];

        private readonly Queue<Instant> _lastSecond = [];
        private readonly HashSet<TransportAddress> _sources = [];
        private long _packetsBefore;
        private int _checks;
        private int _most;
        private int _longest;

        public MeetingCost Cost => new(Packets - _packetsBefore)
        {
            Checks = _checks,
            MostInASecond = _most,
            LongestCheck = _longest,
            Sockets = Math.Max(0, _sources.Count - 1),
        };

        private long Packets => peer.Host.Traffic.Sent + peer.Host.Traffic.SegmentsSent;

        public void Start() => _packetsBefore = Packets;

        public void Take(in PacketTraceEntry entry)
        {
            if (entry.Step != TraceStep.Sent || entry.Flow.Protocol != Nat.NatProtocol.Udp || entry.Kind != PacketKind.Stun) return;
            if (entry.Place != peer.Host.Name || !_targets.Contains(entry.Flow.Destination.Host)) return;
            _checks++;
            _sources.Add(entry.Flow.Source);
            _longest = Math.Max(_longest, entry.Length);
            _lastSecond.Enqueue(entry.At);
            while (entry.At - _lastSecond.Peek() >= TimeSpan.FromSeconds(1)) _lastSecond.Dequeue();
            _most = Math.Max(_most, _lastSecond.Count);
        }
    }
}
