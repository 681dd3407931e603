using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Ice;

namespace Porthole.Scenarios.Ice;

/// <summary>The conditions of a punch between two hosts, each behind a NAT of its own.</summary>
internal sealed record PunchConditions
{
    public double Loss { get; init; }

    public TimeSpan Jitter { get; init; }

    /// <summary>From one host to the other.</summary>
    public TimeSpan OneWay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How much later the controlled agent's push arrives than the controlling one's; negative: earlier.</summary>
    public TimeSpan Skew { get; init; }

    /// <summary>How long to wait for both agents to have a valid pair that is nominated, from the first push.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>What became of a punch. Times count from the first push.</summary>
internal readonly record struct PunchResult(TimeSpan? ControllingValid, TimeSpan? ControlledValid, TimeSpan? BothSelected, int Checks, long Packets)
{
    public bool IsDirect => BothSelected is not null;

    /// <summary>When both knew that both directions work.</summary>
    public TimeSpan? BothValid => ControllingValid is { } one && ControlledValid is { } other ? one > other ? one : other : null;

    /// <summary>When the first knew.</summary>
    public TimeSpan? FirstValid => ControllingValid is { } one && ControlledValid is { } other ? one < other ? one : other : ControllingValid ?? ControlledValid;
}

/// <summary>Runs one punch: mappings warm, candidates exchanged, two agents alone.</summary>
internal static class Punch
{
    /// <summary>How many seeds per cell: a tenth of all in the normal run.</summary>
    public static int Seeds { get; } = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 1_000 : 100;

    public static PunchResult Run(NatProfile controlling, NatProfile controlled, ulong seed, PunchConditions conditions)
    {
        var lab = new Simulation(seed);
        var server = MappingServer.Run(lab);
        var quiet = new LinkOptions { Delay = conditions.OneWay / 2 };
        var natA = lab.Internet.AddNat("nat a", controlling, "203.0.113.1", "192.168.1.0/24", quiet);
        var natB = lab.Internet.AddNat("nat b", controlled, "203.0.113.2", "192.168.2.0/24", quiet);
        var a = Add(lab, natA, "192.168.1.10", IceRole.Controlling, conditions);
        var b = Add(lab, natB, "192.168.2.10", IceRole.Controlled, conditions);
        a.Ask(server);
        b.Ask(server);
        if (!lab.RunUntil(() => a.Mapped is not null && b.Mapped is not null, TimeSpan.FromSeconds(1))) throw new InvalidOperationException("No mapping.");

        // On the way up alone: each direction between the two crosses one lossy link.
        natA.Link.Up = natB.Link.Up = quiet with { Loss = conditions.Loss, Jitter = conditions.Jitter };
        long before = a.Host.Traffic.Sent + b.Host.Traffic.Sent;
        var start = lab.Now;
        var skew = conditions.Skew;
        lab.Schedule(skew < TimeSpan.Zero ? start - skew : start, () => a.Push(b));
        lab.Schedule(skew > TimeSpan.Zero ? start + skew : start, () => b.Push(a));
        lab.RunUntil(() => a.SelectedAt is not null && b.SelectedAt is not null, conditions.Limit);

        var selected = a.SelectedAt is { } one && b.SelectedAt is { } other ? Instant.Max(one, other) - start : (TimeSpan?)null;
        return new PunchResult(a.ValidAt - start, b.ValidAt - start, selected, a.Agent.ChecksSent + b.Agent.ChecksSent, a.Host.Traffic.Sent + b.Host.Traffic.Sent - before);
    }

    private static PunchingPeer Add(Simulation lab, SimulatedRouter nat, string address, IceRole role, PunchConditions conditions)
    {
        // The server is half the way off.
        var options = IceOptions.ForPeers(conditions.OneWay / 2, conditions.OneWay / 2) with { TraceChecks = false };
        return new PunchingPeer(nat.Inside.AddHost(address, address), role, options, lab.CreateEntropy());
    }
}
