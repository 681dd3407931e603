using System.Collections.Concurrent;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Peer;

/// <summary>Whole peers between the NATs of the 9 × 9 grid: what the exhaustive model calls plain goes direct, everything else works over the relay.</summary>
public sealed class GridTests
{
    private static readonly byte[] s_payload = PeerPair.Payload(20_000);

    public static TheoryData<NatMapping, NatFiltering> Sides => new MatrixTheoryData<NatMapping, NatFiltering>(Enum.GetValues<NatMapping>(), Enum.GetValues<NatFiltering>());

    [Theory]
    [MemberData(nameof(Sides))]
    public void Every_pair_carries_data_and_every_plain_one_directly(NatMapping mapping, NatFiltering filtering)
    {
        var alice = new PunchSide(mapping, filtering);
        var problems = new ConcurrentBag<string>();
        Parallel.ForEach(PunchSide.All(FilterScope.PerMapping, AnswerRoute.SameSession), bob =>
        {
            for (ulong seed = 1; seed <= (ulong)PeerPair.Seeds; seed++)
            {
                if (Try(seed, alice, bob) is { } problem) problems.Add($"{alice} × {bob}, seed {seed}: {problem}");
            }
        });

        Assert.Empty(problems);
    }

    private static string? Try(ulong seed, PunchSide alice, PunchSide bob)
    {
        bool isPlain = PunchModel.Decide(alice, bob) == PunchOutcome.Plain;
        var pair = PeerPair.BehindNats(seed, alice.ToProfile(), bob.ToProfile()).Call();
        if (!pair.Until(() => pair.IsOpen, 2)) return "no session";
        pair.Alice.Send(pair.Connection, s_payload);
        if (!pair.Until(() => pair.Bob.BytesReceived == s_payload.Length, 5)) return "the bytes did not arrive";
        if (!pair.Bob.Received[0].AsSpan().SequenceEqual(s_payload)) return "other bytes arrived";
        if (isPlain && !pair.Until(() => pair.IsDirect, 5)) return $"not direct: {pair.Alice.Machine.GetVerdict(pair.Connection).Sentence}";
        if (isPlain) return null;

        // What cannot be direct says why, and stays usable.
        if (!pair.Until(() => pair.Alice.Machine.GetVerdict(pair.Connection).Reason is not VerdictReason.Pending, 30)) return "no verdict";
        pair.Bob.Send(pair.Bob.Opened, s_payload);
        return pair.Until(() => pair.Alice.BytesReceived == s_payload.Length, 5) ? null : "the bytes did not come back";
    }
}
