using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Ice;

namespace Porthole.Scenarios.Tcp;

/// <summary>What became of a punch. Times count from the first start.</summary>
internal readonly record struct TcpPunchResult(TimeSpan? Connected, TimeSpan? Exhausted, int Attempts, int FreshPorts)
{
    public bool IsDirect => Connected is not null;
}

/// <summary>Two hosts behind a NAT each that punch by TCP alone: mappings warm, candidates exchanged, agents and punchers without a session.</summary>
internal sealed class TcpPunch
{
    /// <summary>How many seeds per cell: a tenth of all in the normal run.</summary>
    public static int Seeds { get; } = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 1_000 : 100;

    private readonly TcpPunchConditions _conditions;
    private readonly SimulatedRouter _natA;
    private readonly SimulatedRouter _natB;

    public TcpPunch(NatProfile controlling, NatProfile controlled, ulong seed, TcpPunchConditions conditions, int serverPorts = 1)
    {
        _conditions = conditions;
        Lab = new Simulation(seed);
        var server = TcpMappingServer.Run(Lab, serverPorts);
        _natA = Lab.Internet.AddNat("nat a", controlling, "203.0.113.1", "192.168.1.0/24", Quiet);
        _natB = Lab.Internet.AddNat("nat b", controlled, "203.0.113.2", "192.168.2.0/24", Quiet);
        var options = IceOptions.ForPeers(conditions.OneWay / 2, conditions.OneWay / 2) with { TraceChecks = false };
        A = new TcpPunchingPeer(_natA.Inside.AddHost("a", "192.168.1.10"), IceRole.Controlling, options, Lab.CreateEntropy(), server);
        B = new TcpPunchingPeer(_natB.Inside.AddHost("b", "192.168.2.10"), IceRole.Controlled, options, Lab.CreateEntropy(), server);
        if (!Lab.RunUntil(() => A.Mapping is not null && B.Mapping is not null, TimeSpan.FromSeconds(2))) throw new InvalidOperationException("No mapping.");
    }

    public Simulation Lab { get; }

    public TcpPunchingPeer A { get; }

    public TcpPunchingPeer B { get; }

    /// <summary>Another host behind the controlling side's NAT.</summary>
    public SimulatedHost HostBesideA => _natA.Inside.AddHost("beside a", "192.168.1.99");

    private LinkOptions Quiet => new() { Delay = _conditions.OneWay / 2 };

    /// <summary>A plain punch.</summary>
    public static TcpPunchResult Run(NatProfile controlling, NatProfile controlled, ulong seed, TcpPunchConditions conditions) =>
        new TcpPunch(controlling, controlled, seed, conditions).Fire();

    /// <summary>Starts both sides, with their error, and waits.</summary>
    /// <param name="firstDoes">What the first does beside connecting to the other's mapped address.</param>
    /// <param name="secondDoes">What the second does.</param>
    public TcpPunchResult Fire(Action<Instant>? firstDoes = null, Action<Instant>? secondDoes = null)
    {
        // On the way up alone: each direction between the two crosses one lossy link.
        _natA.Link.Up = _natB.Link.Up = Quiet with { Loss = _conditions.Loss };
        var (start, skew) = (Lab.Now, _conditions.Skew);
        A.Signal = address => Lab.Schedule(Lab.Now + _conditions.OneWay, () => B.AddRemote(address));
        B.Signal = address => Lab.Schedule(Lab.Now + _conditions.OneWay, () => A.AddRemote(address));
        Lab.Schedule(skew < TimeSpan.Zero ? start - skew : start, () => A.Push(B, firstDoes));
        Lab.Schedule(skew > TimeSpan.Zero ? start + skew : start, () => B.Push(A, secondDoes));
        A.ProofTime = B.ProofTime = 4 * _conditions.OneWay + TimeSpan.FromMilliseconds(1);
        bool isDirect = Lab.RunUntil(() => A.IsProved && B.IsProved, _conditions.Limit);

        TimeSpan? connected = isDirect && A.SelectedAt is { } one && B.SelectedAt is { } other ? Instant.Max(one, other) - start : null;
        TimeSpan? exhausted = A.ExhaustedAt is { } first && B.ExhaustedAt is { } second ? Instant.Max(first, second) - start : null;
        return new TcpPunchResult(connected, exhausted, A.Puncher.Attempts + B.Puncher.Attempts, A.FreshPorts + B.FreshPorts);
    }
}
