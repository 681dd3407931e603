using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>Every pair of networks, on real kernel NATs: the UDP path that theory says, and a megabyte each way over it.</summary>
public sealed class MatrixTests(MatrixTests.Lab lab) : IClassFixture<MatrixTests.Lab>
{
    private const int Megabyte = 1_000_000;

    // Where theory has no direct path, this is how long the peers may look for one in vain.
    private static readonly TimeSpan s_vainSearch = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_search = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    public static TheoryData<NetworkKind, NetworkKind> Pairs => NetworkKinds.Pairs(NetworkKinds.OfUdp);

    [RootTheory]
    [MemberData(nameof(Pairs))]
    public async Task A_pair_takes_the_path_that_theory_says_and_carries_a_megabyte_each_way(NetworkKind one, NetworkKind other)
    {
        bool direct = one.ReachesDirectly(other);
        var caller = lab.Peer(one, 1);
        var called = lab.Peer(other, 2);
        await caller.CallAsync(called, Megabyte, directWithin: direct ? s_search : s_vainSearch);
        var done = await caller.WaitForAsync("done", s_patience);
        var answered = await called.WaitForAsync("answered", s_patience);
        string kind = (string)done["kind"]!;
        if (direct || !one.MayBeGuessed(other)) Assert.Equal(direct ? "Udp" : "Relay", kind);
        else Assert.Contains(kind, new[] { "Udp", "Relay" }); // how long guessing takes is a matter of luck
        Assert.Equal((true, Megabyte), ((bool)done["intact"]!, (int)done["received"]!));
        Assert.Equal((true, Megabyte), ((bool)answered["intact"]!, (int)answered["received"]!));
    }

    public sealed class Lab : MatrixLab
    {
        protected override IEnumerable<(NetworkKind, int, Transports)> Peers =>
            NetworkKinds.OfUdp.SelectMany(kind => new[] { (kind, 1, Transports.Udp), (kind, 2, Transports.Udp) });
    }
}
