using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>Pairs of networks, on real kernel NATs, that reach each other over TCP, where UDP is not wanted or does not pass; and a megabyte each way.</summary>
public sealed class TcpMatrixTests(TcpMatrixTests.Lab lab) : IClassFixture<TcpMatrixTests.Lab>
{
    private const int Megabyte = 1_000_000;

    // The peers of these numbers want TCP alone; that of the third takes what it gets.
    private const int First = 1, Second = 2, Auto = 3;

    private static readonly TimeSpan s_search = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    public static TheoryData<NetworkKind, NetworkKind> Pairs => NetworkKinds.Pairs(NetworkKinds.OfTcp);

    public static TheoryData<NetworkKind> Kinds => [.. NetworkKinds.OfTcp];

    [RootTheory]
    [MemberData(nameof(Pairs))]
    public Task A_pair_that_wants_TCP_has_it(NetworkKind one, NetworkKind other) => ReachAsync(lab.Peer(one, First), lab.Peer(other, Second));

    [RootTheory]
    [MemberData(nameof(Kinds))]
    public Task Where_UDP_is_blocked_on_a_side_a_pair_that_takes_anything_has_TCP(NetworkKind other) =>
        ReachAsync(lab.Peer(NetworkKind.UdpBlocked, Auto), lab.Peer(other, other == NetworkKind.UdpBlocked ? Auto + 1 : Auto));

    [RootFact]
    public async Task One_side_may_answer_with_RST()
    {
        await ReachAsync(lab.Peer(NetworkKind.Resetting, First), lab.Peer(NetworkKind.PortRestricted, Second));
        await ReachAsync(lab.Peer(NetworkKind.PortRestricted, First), lab.Peer(NetworkKind.Resetting, Second));
    }

    [RootFact]
    public async Task Both_sides_may_answer_with_RST_nine_times_of_ten()
    {
        const int calls = 10;
        int direct = 0;
        for (int i = 0; i < calls; i++)
        {
            var done = await CallAsync(lab.Peer(NetworkKind.Resetting, First), lab.Peer(NetworkKind.Resetting, Second), Megabyte / 10, s_search);
            if (done == "Tcp") direct++;
        }

        Assert.InRange(direct, 9, calls);
    }

    // Long enough for another look at the NAT, should the first have found out nothing because too many peers started at once.
    [RootFact]
    public Task Ports_that_count_up_are_foreseen() =>
        ReachAsync(lab.Peer(NetworkKind.SequentialSymmetric, First), lab.Peer(NetworkKind.PortRestricted, Second), TimeSpan.FromSeconds(150));

    private static async Task ReachAsync(PeerProcess caller, PeerProcess called, TimeSpan? search = null) => Assert.Equal("Tcp", await CallAsync(caller, called, Megabyte, search ?? s_search));

    /// <summary>Calls, and exchanges bytes when the path is there or the search is over.</summary>
    /// <returns>The kind of path that it ended on.</returns>
    private static async Task<string> CallAsync(PeerProcess caller, PeerProcess called, int bytes, TimeSpan search)
    {
        await caller.CallAsync(called, bytes, directWithin: search);
        var done = await caller.WaitForAsync("done", search + s_patience);
        var answered = await called.WaitForAsync("answered", s_patience);
        Assert.Equal((true, bytes), ((bool)done["intact"]!, (int)done["received"]!));
        Assert.Equal((true, bytes), ((bool)answered["intact"]!, (int)answered["received"]!));
        return (string)done["kind"]!;
    }

    public sealed class Lab : MatrixLab
    {
        // Two routers that both answer with RST are punched when the SYNs cross on the wire: there must be a wire.
        protected override KernelLinkOptions Link => new() { Delay = TimeSpan.FromMilliseconds(5) };

        protected override IEnumerable<(NetworkKind, int, Transports)> Peers =>
        [
            .. NetworkKinds.OfTcp.SelectMany(kind => new[] { (kind, First, Transports.Tcp), (kind, Second, Transports.Tcp), (kind, Auto, Transports.All) }),
            (NetworkKind.UdpBlocked, Auto + 1, Transports.All),
            (NetworkKind.Resetting, First, Transports.Tcp),
            (NetworkKind.Resetting, Second, Transports.Tcp),
            (NetworkKind.SequentialSymmetric, First, Transports.Tcp),
        ];
    }
}
