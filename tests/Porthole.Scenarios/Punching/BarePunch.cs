using System.Collections.Concurrent;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol.Punching;
using Porthole.Scenarios.Ice;

namespace Porthole.Scenarios.Punching;

/// <summary>What became of a bare punch. Times count from the first start.</summary>
internal readonly record struct BareResult(TimeSpan? First, TimeSpan? Both, int ReceivedByA, int ReceivedByB, int Leaked, int Sent)
{
    /// <summary>Whether both are connected, and each hears the other's program.</summary>
    public bool IsConnected => Both is not null && ReceivedByA > 0 && ReceivedByB > 0;
}

/// <summary>Runs one bare punch: mappings known, addresses exchanged, two punchers alone, then two programs that talk.</summary>
internal static class BarePunch
{
    public static UdpPunchOptions Options { get; } = new() { Cookie = "a cookie"u8.ToArray() };

    public static BareResult Run(NatProfile natOfA, NatProfile natOfB, ulong seed, PunchConditions conditions, UdpPunchOptions? options = null)
    {
        var lab = new Simulation(seed);
        var (a, b) = Prepare(lab, natOfA, natOfB, conditions);
        long before = a.Host.Traffic.Sent + b.Host.Traffic.Sent;
        a.SendWhenConnected(10);
        b.SendWhenConnected(10);
        var start = lab.Now;
        var skew = conditions.Skew;
        lab.Schedule(skew < TimeSpan.Zero ? start - skew : start, () => a.Punch(b.Mapped!.Value, options ?? Options));
        lab.Schedule(skew > TimeSpan.Zero ? start + skew : start, () => b.Punch(a.Mapped!.Value, options ?? Options));
        lab.RunUntil(() => a.ConnectedAt is not null && b.ConnectedAt is not null, conditions.Limit);
        lab.RunFor(TimeSpan.FromSeconds(1)); // what is still under way arrives, and the programs speak
        var (one, other) = (a.ConnectedAt - start, b.ConnectedAt - start);
        return new BareResult(
            one is null ? other : other is null || one < other ? one : other,
            one is null || other is null ? null : one > other ? one : other,
            a.Received,
            b.Received,
            a.Leaked + b.Leaked,
            (a.Puncher?.Sent ?? 0) + (b.Puncher?.Sent ?? 0));
    }

    /// <summary>Two hosts behind a NAT each, which know their mapped addresses.</summary>
    public static (BarePeer A, BarePeer B) Prepare(Simulation lab, NatProfile natOfA, NatProfile natOfB, PunchConditions conditions)
    {
        var server = MappingServer.Run(lab);
        var quiet = new LinkOptions { Delay = conditions.OneWay / 2 };
        var first = lab.Internet.AddNat("nat a", natOfA, "203.0.113.1", "192.168.1.0/24", quiet);
        var second = lab.Internet.AddNat("nat b", natOfB, "203.0.113.2", "192.168.2.0/24", quiet);
        var a = new BarePeer(first.Inside.AddHost("a", "192.168.1.10"), lab.CreateEntropy());
        var b = new BarePeer(second.Inside.AddHost("b", "192.168.2.10"), lab.CreateEntropy());
        a.Ask(server);
        b.Ask(server);
        if (!lab.RunUntil(() => a.Mapped is not null && b.Mapped is not null, TimeSpan.FromSeconds(1))) throw new InvalidOperationException("No mapping.");

        // On the way up alone: each direction between the two crosses one lossy link.
        first.Link.Up = second.Link.Up = quiet with { Loss = conditions.Loss, Jitter = conditions.Jitter };
        return (a, b);
    }

    public static IReadOnlyList<(PunchCell Cell, ulong Seed, BareResult Result)> RunAll(IEnumerable<PunchCell> cells, int seeds, PunchConditions conditions)
    {
        var results = new ConcurrentBag<(PunchCell Cell, ulong Seed, BareResult Result)>();
        Parallel.ForEach(cells, cell =>
        {
            var (a, b) = (cell.Controlling.ToProfile(), cell.Controlled.ToProfile());
            for (ulong seed = 1; seed <= (ulong)seeds; seed++) results.Add((cell, seed, Run(a, b, seed, conditions)));
        });
        return [.. results.OrderBy(run => run.Cell.ToString(), StringComparer.Ordinal).ThenBy(run => run.Seed)];
    }
}
