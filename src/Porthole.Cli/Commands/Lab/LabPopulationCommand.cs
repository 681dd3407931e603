using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Cli.Commands.Lab;

/// <summary><c>porthole lab population</c>.</summary>
internal static class LabPopulationCommand
{
    private const int MaxPairs = 1_000_000;

    /// <summary>After how many pairs a line of progress is written where standard error is no terminal.</summary>
    private const int ProgressStep = 1_000;

    public static Command Create()
    {
        var pairs = new Option<int?>("--pairs") { Description = "How many pairs are drawn (default: 10000).", HelpName = "N", CustomParser = static result => Parsers.Number(1, MaxPairs)(result) };
        var seed = new Option<int>("--seed") { Description = "Decides who is drawn and what happens.", HelpName = "N", DefaultValueFactory = static _ => 1, CustomParser = Parsers.Number(0, int.MaxValue) };
        var mix = new Option<PopulationMix?>("--mix") { Description = "Percent of peers at home, on phones and at work (default: 60/30/10).", HelpName = "H/P/W", CustomParser = ParseMix };
        var transport = new Option<Transports?>("--transport") { Description = "udp, or auto: pairs that UDP leaves on the relay try TCP and mapped ports as well (default: auto).", HelpName = "TRANSPORT", CustomParser = ParseTransport };
        var write = LabCommand.Write();
        var json = CommonOptions.Json();
        var command = new Command("population", "Draw pairs of peers as the world's NATs are distributed, let them meet in virtual time, and print how many become direct and how.")
        {
            pairs, seed, mix, transport, write, json,
        };
        command.SetAction(parsed =>
        {
            var options = new PopulationOptions { Seed = (ulong)parsed.GetValue(seed) };
            if (parsed.GetValue(pairs) is { } count) options = options with { Pairs = count };
            if (parsed.GetValue(mix) is { } shares) options = options with { Mix = shares };
            if (parsed.GetValue(transport) is { } kind) options = options with { Transports = kind };
            string? document = parsed.GetValue(json) ? null : parsed.GetValue(write);
            if (document is not null) LabCommand.CheckPlace(document, PopulationReport.CheckPlace);
            var report = new PopulationStudy(options).Run(done => ShowProgress(done, options.Pairs));
            if (!Console.IsErrorRedirected) Console.Error.Write("\r\e[K");
            if (parsed.GetValue(json)) JsonLines.Write(name: null, fields => Write(fields, report));
            else if (document is not null) LabCommand.WriteInto(document, report.WriteInto);
            else Console.Write(report.ToMarkdown());
            return ExitCode.Success;
        });
        return command;
    }

    private static void ShowProgress(int done, int of)
    {
        if (!Console.IsErrorRedirected) Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r\e[K{done} of {of} pairs"));
        else if (done % ProgressStep == 0) Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{done} of {of} pairs"));
    }

    private static void Write(Utf8JsonWriter json, PopulationReport report)
    {
        var (low, high) = PopulationReport.Wilson(report.Direct, report.WithUdp);
        json.WriteString("mix", report.Options.Mix.ToString());
        json.WriteNumber("seed", report.Options.Seed);
        json.WriteNumber("pairs", report.Pairs.Length);
        json.WriteNumber("direct", report.Direct);
        json.WriteNumber("withUdp", report.WithUdp);
        json.WriteNumber("ceiling", report.Ceiling);
        json.WriteNumber("shareOfCeiling", report.ShareOfCeiling);
        json.WriteNumber("low", low);
        json.WriteNumber("high", high);
        json.WriteNumber("gainedByTcp", report.Pairs.Count(static pair => pair.GainsByTcp));
        json.WriteNumber("gainedByMapping", report.Pairs.Count(static pair => pair.GainsByMapping));
        json.WriteNumber("gainedByBoth", report.Pairs.Count(static pair => pair.GainsByBoth));
        json.WriteStartObject("methods");
        foreach (var group in report.Pairs.Where(static pair => pair.Method is not null).GroupBy(static pair => pair.Method!.Value).OrderBy(static group => group.Key)) json.WriteNumber(group.Key.Code, group.Count());
        json.WriteEndObject();
        json.WriteStartArray("cells");
        foreach (var cell in report.GetCells())
        {
            json.WriteStartObject();
            json.WriteString("one", cell.First);
            json.WriteString("other", cell.Second);
            json.WriteNumber("weight", cell.Weight);
            json.WriteNumber("pairs", cell.Pairs);
            json.WriteNumber("direct", cell.Direct);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static PopulationMix? ParseMix(ArgumentResult result)
    {
        if (PopulationMix.TryParse(result.Tokens[0].Value, out var mix)) return mix;
        result.AddError($"'{result.Tokens[0].Value}' is no mix: three numbers that add up to 100, such as 60/30/10.");
        return null;
    }

    private static Transports? ParseTransport(ArgumentResult result)
    {
        if (Parsers.ParseTransport(result) is not { } transports) return null;
        if (transports is Transports.Udp or Transports.All) return transports;
        result.AddError($"'{result.Tokens[0].Value}' is no transport of this study: use udp or auto.");
        return null;
    }
}
