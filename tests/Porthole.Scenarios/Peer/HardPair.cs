using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Punching;

namespace Porthole.Scenarios.Peer;

/// <summary>Alice and bob by UDP alone, each behind a NAT, with a watch on what either spends until the path is direct.</summary>
internal sealed class HardPair
{
    /// <summary>The longest check on a guess (IceOptions.ProbeLimit).</summary>
    private const int MaxProbe = 128;

    private readonly HardCost _alice = new("alice", "203.0.113.2");
    private readonly HardCost _bob = new("bob", "203.0.113.1");

    private HardPair(PeerPair pair)
    {
        Pair = pair;
        pair.Net.Simulation.Trace = new PacketTrace(capacity: 0)
        {
            Watcher = entry =>
            {
                _alice.Take(entry);
                _bob.Take(entry);
            },
        };
    }

    public PeerPair Pair { get; }

    /// <summary>When both were on a direct path, from the call on; null if they were not in time.</summary>
    public TimeSpan? Direct { get; private set; }

    public PathVerdict AliceVerdict => Pair.Alice.Machine.GetVerdict(Pair.Connection);

    public PathVerdict BobVerdict => Pair.Bob.Machine.GetVerdict(Pair.Bob.Opened);

    /// <summary>Sequential ports with a step.</summary>
    public static NatProfile Counting(int step, double foreign = 0) => NatProfile.SymmetricSequential with
    {
        Name = $"counting by {step}",
        Allocation = new PortAllocation.Sequential(step),
        ForeignPortsPerSecond = foreign,
    };

    /// <summary>The local port towards the first destination, random ones behind that.</summary>
    public static NatProfile Keeping { get; } = NatProfile.Symmetric with { Name = "keeping", Allocation = new PortAllocation.Preserve() };

    /// <summary>Random ports of a block.</summary>
    public static NatProfile Block(int size) => NatProfile.Symmetric with { Name = $"block of {size}", Allocation = new PortAllocation.Block(size) };

    /// <summary>Random ports of a band of 251, as a carrier was seen to give them.</summary>
    public static NatProfile Band { get; } = NatProfile.Symmetric with { Name = "band of 251", Ports = new PortRange(20_000, 20_250) };

    /// <summary>Lets alice call bob, until both are direct or the time is over.</summary>
    public static HardPair Meet(ulong seed, NatProfile alice, NatProfile bob, double seconds)
    {
        var hard = new HardPair(PeerPair.BehindNats(seed, alice, bob, change: static options => options with { Transports = Transports.Udp }));
        var pair = hard.Pair;
        (hard._alice.IsWatching, hard._bob.IsWatching) = (true, true);
        pair.Call();
        if (pair.Until(() => pair.IsDirect, seconds)) hard.Direct = pair.Net.Simulation.Now - pair.Start;
        (hard._alice.IsWatching, hard._bob.IsWatching) = (false, false);
        return hard;
    }

    /// <summary>Asserts that they are direct in time, by a method, within the budget, and that the path carries data.</summary>
    public static HardPair AssertMeet(ulong seed, NatProfile alice, NatProfile bob, double seconds, PunchMethod method)
    {
        var hard = Meet(seed, alice, bob, seconds);
        Assert.True(hard.Direct is not null, $"{alice} and {bob}, seed {seed}: {hard.Say()}");
        hard.AssertBudget();
        Assert.Contains(method, (PunchMethod[])[hard.AliceVerdict.Method, hard.BobVerdict.Method]);
        hard.Pair.AssertCarries();
        return hard;
    }

    public void AssertBudget()
    {
        foreach (var cost in (HardCost[])[_alice, _bob])
        {
            Assert.InRange(cost.Checks, 0, SprayBudget.MaxProbes);
            Assert.InRange(cost.MostInASecond, 0, SprayBudget.MaxPacketsPerSecond);
            Assert.InRange(cost.Longest, 0, MaxProbe);
            Assert.InRange(cost.Ports, 0, SprayBudget.MaxSockets + 1); // and the main socket
        }
    }

    /// <summary>How many local ports alice's, or bob's, checks went out from.</summary>
    public int PortsOf(bool isAlice) => (isAlice ? _alice : _bob).Ports;

    /// <summary>How many checks alice, or bob, sent.</summary>
    public int ChecksOf(bool isAlice) => (isAlice ? _alice : _bob).Checks;

    public string Say() => $"alice {AliceVerdict.Reason} {Say(AliceVerdict)}; bob {BobVerdict.Reason} {Say(BobVerdict)}; {AliceVerdict.Here}; {BobVerdict.Here}";

    private static string Say(PathVerdict verdict) => string.Join(", ", verdict.Tried);

    private sealed class HardCost(string place, string towards)
    {
        private readonly TransportAddress _towards = TransportAddress.Parse($"{towards}:0");
        private readonly Queue<Instant> _lastSecond = [];
        private readonly HashSet<ushort> _ports = [];

        public bool IsWatching { get; set; }

        public int Checks { get; private set; }

        public int MostInASecond { get; private set; }

        public int Longest { get; private set; }

        public int Ports => _ports.Count;

        public void Take(in PacketTraceEntry entry)
        {
            if (!IsWatching || entry.Step != TraceStep.Sent || entry.Place != place || entry.Kind != PacketKind.Stun) return;
            if (!entry.Flow.Destination.SameHost(_towards)) return;
            Checks++;
            Longest = Math.Max(Longest, entry.Length);
            _ports.Add(entry.Flow.Source.Port);
            _lastSecond.Enqueue(entry.At);
            while (entry.At - _lastSecond.Peek() >= TimeSpan.FromSeconds(1)) _lastSecond.Dequeue();
            MostInASecond = Math.Max(MostInASecond, _lastSecond.Count);
        }
    }
}
