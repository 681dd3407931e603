using System.CommandLine;
using System.Globalization;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Cli.Commands.Lab;

/// <summary><c>porthole lab grid</c>.</summary>
internal static class LabGridCommand
{
    private const int MaxSeeds = 10_000;
    private const double MaxOneWayMilliseconds = 1_000;

    /// <summary>Longer than a spray by UDP, which may take 10 s.</summary>
    private static readonly TimeSpan s_hardPatience = TimeSpan.FromSeconds(12);

    /// <summary>Longer than a punch by TCP, which may take 8 s.</summary>
    private static readonly TimeSpan s_tcpPatience = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var seeds = new Option<int?>("--seeds") { Description = "How many runs in each cell (default: 20).", HelpName = "N", CustomParser = static result => Parsers.Number(1, MaxSeeds)(result) };
        var oneWay = new Option<TimeSpan?>("--one-way") { Description = "Seconds from any host to any other, and to the server (default: 0.02).", HelpName = "SECONDS", CustomParser = Parsers.Seconds(0, MaxOneWayMilliseconds / 1_000) };
        var presets = new Option<bool>("--presets") { Description = "The NATs that have names in place of the nine of mapping and filtering." };
        var hard = new Option<bool>("--hard") { Description = "The NATs that a punch must guess at, or walk around, in place of the nine." };
        var transport = new Option<Transports?>("--transport") { Description = "What direct paths are made of: udp, tcp, auto (both) or relay (default: udp).", HelpName = "TRANSPORT", CustomParser = Parsers.ParseTransport };
        var write = LabCommand.Write();
        var command = new Command("grid", "Let whole peers meet behind every pair of NATs, in virtual time, and print what came of it.") { seeds, oneWay, presets, hard, transport, write };
        command.SetAction(parsed =>
        {
            var options = new GridOptions();
            if (parsed.GetValue(seeds) is { } count) options = options with { Seeds = count };
            if (parsed.GetValue(oneWay) is { } span) options = options with { OneWay = span };
            if (parsed.GetValue(transport) is { } kind) options = options with { Transports = kind, Patience = kind == Transports.Udp ? options.Patience : s_tcpPatience };
            if (parsed.GetValue(presets)) options = options with { Profiles = NatProfile.Presets };
            if (parsed.GetValue(hard)) options = options with { Profiles = NatProfile.HardPresets, Patience = s_hardPatience };
            var grid = new ConnectivityGrid(options);
            string? document = parsed.GetValue(write);
            if (document is not null) LabCommand.CheckPlace(document, grid.CheckPlace);
            int cells = options.Profiles.Count * options.Profiles.Count;
            int done = 0;
            bool showsProgress = !Console.IsErrorRedirected;
            grid.Run(cell =>
            {
                done++;
                if (showsProgress) Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r\e[K{done} of {cells}: {cell.First.Name} - {cell.Second.Name}, {cell.Direct} of {cell.Runs} direct"));
            });
            if (showsProgress) Console.Error.Write("\r\e[K");
            if (document is not null) LabCommand.WriteInto(document, grid.WriteInto);
            else Console.Write(grid.ToMarkdown());
            return ExitCode.Success;
        });
        return command;
    }
}
