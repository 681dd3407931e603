using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Scenarios;

public sealed class ConnectivityGridTests
{
    [Fact]
    public void It_prints_what_happened_between_every_two_NATs()
    {
        var grid = new ConnectivityGrid(new GridOptions { Profiles = [NatProfile.PortRestricted, NatProfile.SymmetricSequential], Seeds = 2 });
        grid.Run();
        Assert.Equal([2, 2, 2, 2], grid.Cells.Select(cell => cell.Direct));
        Assert.All(grid.Cells, cell => Assert.Equal(2, cell.Open));
        string text = grid.ToMarkdown();
        Assert.Contains("| port-restricted | port-restricted | P0 | 2/2 | plain |", text, StringComparison.Ordinal);
        Assert.Contains("| port-restricted | symmetric-sequential | 1 | 2/2 | predict |", text, StringComparison.Ordinal);
        Assert.Contains("| symmetric-sequential | symmetric-sequential | 2 | 2/2 | cross |", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_stays_on_the_relay_is_printed_as_such()
    {
        var grid = new ConnectivityGrid(new GridOptions { Profiles = [NatProfile.Symmetric], Seeds = 2 });
        grid.Run();
        string text = grid.ToMarkdown();
        Assert.Contains("| symmetric | relay |", text, StringComparison.Ordinal);
        Assert.Contains("| symmetric | symmetric | 2 | 0/2 | – |", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FilterScope.PerMapping, AnswerRoute.SameSession)]
    [InlineData(FilterScope.PerMapping, AnswerRoute.NewMapping)]
    public void Whole_peers_go_direct_where_a_plain_punch_can_and_stay_usable_on_the_relay_elsewhere(FilterScope scope, AnswerRoute answers)
    {
        var options = new GridOptions
        {
            Profiles = [.. PunchSide.All(scope, answers).Select(side => side.ToProfile())],
            Seeds = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 20 : 2,
        };
        var grid = new ConnectivityGrid(options);
        grid.Run();
        Assert.Equal(81, grid.Cells.Count);
        Assert.Empty(grid.Cells.Where(cell => cell.Open != cell.Runs).Select(Name));
        Assert.Empty(grid.Cells.Where(cell => cell.IsPlain && cell.Direct != cell.Runs).Select(Name)); // where one port is unknown, it is guessed at
        string twoPorts = PunchModel.Symbol(PunchOutcome.TwoPorts);
        Assert.Empty(grid.Cells.Where(cell => cell.Model == twoPorts && cell.Direct > 0).Select(Name));
        // The caller has keys after 4r and its first byte is there after 6r; a direct path comes after 2r + 4d, or a round trip later where an answer
        // shows the port.
        Assert.Empty(grid.Cells.Where(cell => cell.FirstByte[^1] > 6 * options.OneWay + TimeSpan.FromMilliseconds(10)).Select(Name));
        var latest = 8 * options.OneWay + TimeSpan.FromMilliseconds(20);
        Assert.Empty(grid.Cells.Where(cell => cell.IsPlain && cell.ToDirect[^1] > latest).Select(Name));
    }

    [Fact]
    public void Whole_peers_go_direct_by_tcp_where_the_model_of_tcp_says_so()
    {
        var options = new GridOptions
        {
            Profiles = [.. TcpPunchSide.All(UnsolicitedSyn.Drop).Select(side => side.ToProfile())],
            Transports = Transports.Tcp,
            Seeds = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 20 : 1,
            Patience = TimeSpan.FromSeconds(10),
        };
        var grid = new ConnectivityGrid(options);
        grid.Run();
        Assert.Empty(grid.Cells.Where(cell => cell.Open != cell.Runs).Select(Name));
        Assert.Empty(grid.Cells.Where(cell => cell.IsPlain && cell.Direct != cell.Runs).Select(Name)); // the others may hit a port by chance
        string twoPorts = TcpPunchModel.Symbol(TcpPunchOutcome.TwoPorts);
        Assert.Empty(grid.Cells.Where(cell => cell.Model == twoPorts && cell.Direct > 0).Select(Name));
    }

    [Fact]
    public void Whole_peers_go_direct_by_tcp_whatever_nats_answer_to_strangers_but_not_between_two_strict_ones()
    {
        var side = new TcpPunchSide(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent);
        TcpPunchSide[] sides =
        [
            side,
            side with { Answer = UnsolicitedSyn.Reset },
            side with { Answer = UnsolicitedSyn.PortUnreachable },
            side with { Answer = UnsolicitedSyn.Prohibited, Resets = TcpResetEffect.EndsMapping },
            side with { TracksSimultaneousOpen = false },
        ];
        var options = new GridOptions
        {
            Profiles = [.. sides.Select(static one => one.ToProfile())],
            Transports = Transports.Tcp,
            Seeds = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 100 : 4,
            Jitter = TimeSpan.FromMilliseconds(60), // else the SYNs of two peers that start at one moment always cross
            Loss = 0.02,
            Patience = TimeSpan.FromSeconds(30),
        };
        var grid = new ConnectivityGrid(options);
        grid.Run();
        Assert.Empty(grid.Cells.Where(cell => cell.Open != cell.Runs).Select(Name));
        Assert.Empty(grid.Cells.Where(cell => cell.Direct != (cell.IsPlain ? cell.Runs : 0)).Select(Name));
        Assert.Single(grid.Cells, cell => !cell.IsPlain);
    }

    [Fact]
    public void The_table_goes_between_its_marks_in_a_document()
    {
        var grid = new ConnectivityGrid(new GridOptions { Profiles = [NatProfile.FullCone], Seeds = 1 });
        grid.Run();
        string document = $"before\n{ConnectivityGrid.BeginMark}\nold\n{ConnectivityGrid.EndMark}\nafter\n";
        string once = grid.WriteInto(document);
        Assert.Equal($"before\n{ConnectivityGrid.BeginMark}\n\n{grid.ToMarkdown()}\n{ConnectivityGrid.EndMark}\nafter\n", once);
        Assert.Equal(once, grid.WriteInto(once));
        Assert.Throws<FormatException>(() => grid.WriteInto("nothing here"));
        grid.CheckPlace(document);
        Assert.Throws<FormatException>(() => grid.CheckPlace("nothing here"));
    }

    private static string Name(GridCell cell) =>
        $"{cell.First} x {cell.Second} ({cell.Model}): {cell.Direct} direct, {cell.Open} open of {cell.Runs}";
}
