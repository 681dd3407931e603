using Porthole.Lab.Scenarios;

namespace Porthole.Scenarios.Hard;

/// <summary>Routers that remember packets nobody asked for, so that the first packet of a punch spoils the port that it is for.</summary>
public sealed class PoisonTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(3);

    /// <summary>Two NATs, the round trip, and by how much the called peer starts later than the caller: milliseconds.</summary>
    public static TheoryData<string, string, int, int> Cells()
    {
        var cells = new TheoryData<string, string, int, int>();
        foreach (var (one, other) in new[] { ("poisoned", "poisoned"), ("poisoned", "port-restricted"), ("poisoned", "masquerade") })
        {
            foreach (int roundTrip in new[] { 0, 40 })
            {
                foreach (int skew in new[] { -100, 0, 100 }) cells.Add(one, other, roundTrip, skew);
            }
        }

        return cells;
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Peers_behind_them_meet(string one, string other, int roundTrip, int skew)
    {
        foreach (var (caller, called) in one == other ? [(one, other)] : new[] { (one, other), (other, one) })
        {
            var runs = HardRuns.Run(Late(caller, -skew), Late(called, skew), s_soon, HardRuns.Seeds / 2, options => options with
            {
                OneWay = TimeSpan.FromMilliseconds(roundTrip / 2.0),
                Jitter = TimeSpan.Zero,
                Loss = 0,
            });
            runs.AssertDirect(0.99);
        }
    }

    private static MeetingSide Late(string nat, int milliseconds) => HardCells.Side(nat) with { Lag = TimeSpan.FromMilliseconds(Math.Max(0, milliseconds)) };
}
