using System.CommandLine;
using Porthole.Cli.Ping;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole ping</c>.</summary>
internal static class PingCommand
{
    private const int StandardCount = 5;
    private const int StandardSize = 32;
    private const int MaxCount = 1_000_000;
    private const int DaySeconds = 86_400;

    private static readonly TimeSpan s_standardInterval = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var target = new Argument<PeerTarget?>("PEER") { Description = "Whom to ping: a name, a name with its id (bob@ID), or an id.", CustomParser = Parsers.ParseTarget };
        var count = new Option<int>("--count") { Description = "How many pings.", HelpName = "N", DefaultValueFactory = static _ => StandardCount, CustomParser = Parsers.Number(1, MaxCount) };
        var interval = new Option<TimeSpan?>("--interval") { Description = "Seconds from one ping to the next (default: 1).", HelpName = "SECONDS", CustomParser = Parsers.Seconds(0, DaySeconds) };
        var wait = new Option<TimeSpan?>("--wait-direct")
        {
            Description = "Wait so long for a direct path before the first ping; without one end with exit code 3 and the reason.", HelpName = "SECONDS", CustomParser = Parsers.Seconds(0.001, DaySeconds),
        };
        var size = new Option<int>("--size") { Description = "Bytes of padding in each ping.", HelpName = "BYTES", DefaultValueFactory = static _ => StandardSize, CustomParser = Parsers.Number(0, PingMessage.MaxPadding) };
        var checks = CommonOptions.Checks();
        var json = CommonOptions.Json();
        var command = new Command("ping", "Connect to a peer and measure the round trip, over the relay first and directly as soon as there is a direct path.") { target, count, interval, wait, size };
        var peer = new PeerCommandOptions(command);
        command.Add(checks);
        command.Add(json);
        command.SetAction((parsed, _) => peer.RunAsync(parsed, async (options, interrupted) =>
        {
            var settings = new PingSettings(
                parsed.GetValue(target)!, parsed.GetValue(count), parsed.GetValue(interval) ?? s_standardInterval, parsed.GetValue(size), parsed.GetValue(wait), parsed.GetValue(json), parsed.GetValue(checks));
            var log = new PeerEventLog();
            var node = await PeerNode.StartAsync(options with { Observer = log.Observe }, interrupted).ConfigureAwait(false);
            await using (node.ConfigureAwait(false)) return await new Pinger(settings, new PingReport(settings, log)).RunAsync(node, interrupted).ConfigureAwait(false);
        }));
        return command;
    }
}
