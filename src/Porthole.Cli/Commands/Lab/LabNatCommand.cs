using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net.Sockets;
using Porthole.Lab.Live;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands.Lab;

/// <summary><c>porthole lab nat</c>.</summary>
internal static class LabNatCommand
{
    public static Command Create()
    {
        var inside = new Option<TransportAddress?>("--inside")
        {
            Description = "Where the hosts behind it send to: a loopback address and a port, 0 for any.", HelpName = "IP:PORT", Required = true, CustomParser = ParseEndPoint,
        };
        var outside = new Option<TransportAddress?>("--outside") { Description = "The loopback address that the outside sees.", HelpName = "IP", Required = true, CustomParser = ParseHost };
        var profile = LabCommand.Profile("How it behaves.");
        var seed = new Option<int>("--seed") { Description = "The seed of random ports.", HelpName = "N", DefaultValueFactory = static _ => 1, CustomParser = Parsers.Number(0, int.MaxValue) };
        var json = CommonOptions.Json();
        var leash = CommonOptions.Leash();
        var command = new Command("nat", "Run a NAT between real sockets on loopback addresses, without root. Hosts are placed behind it with LabNetwork, or by the demo.")
        {
            inside, outside, profile, seed, json, leash,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var interrupt = new Interrupt(parsed.GetValue(leash));
            var options = new NatProcessOptions
            {
                Inside = parsed.GetValue(inside)!.Value, Outside = parsed.GetValue(outside)!.Value, Profile = parsed.GetValue(profile) ?? NatProfile.PortRestricted, Seed = (ulong)parsed.GetValue(seed),
            };
            var nat = Start(options, parsed.GetValue(json));
            await using (nat.ConfigureAwait(false)) await interrupt.WaitAsync(cancellationToken).ConfigureAwait(false);
            return ExitCode.Success;
        });
        return command;
    }

    private static NatProcess Start(NatProcessOptions options, bool json)
    {
        try
        {
            return NatProcess.Start(options, happened => Console.Out.WriteLine(json ? happened.ToJson() : Describe(happened)));
        }
        catch (SocketException exception)
        {
            throw new PeerException(
                exception.SocketErrorCode == SocketError.AddressNotAvailable ? PeerError.AddressNotAvailable : PeerError.PortInUse,
                $"{options.Inside} cannot be had: {exception.Message}. Choose another with --inside.");
        }
    }

    private static string Describe(NatProcessEvent happened) => Time(happened.At) + happened switch
    {
        NatProcessEvent.Listening e => $"{e.Profile} between {e.Inside} and {e.Outside.Address}; Ctrl-C stops it",
        NatProcessEvent.Mapped e => $"new mapping {e.Outside} for {e.Inside}, to {e.Remote}",
        NatProcessEvent.Expired e => $"mapping {e.Outside} expired",
        NatProcessEvent.Passed { Outgoing: true } e => string.Create(CultureInfo.InvariantCulture, $"out  {e.From} as {e.Outside} to {e.To}, {e.Kind}, {e.Bytes} bytes"),
        NatProcessEvent.Passed e => string.Create(CultureInfo.InvariantCulture, $"in   {e.From} to {e.Outside} for {e.To}, {e.Kind}, {e.Bytes} bytes"),
        NatProcessEvent.Dropped e => string.Create(CultureInfo.InvariantCulture, $"DROP {e.From} to {e.To}, {e.Kind}, {e.Bytes} bytes: {e.Reason}"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Time(double at) => DateTimeOffset.UnixEpoch.AddMilliseconds(at).ToString("HH:mm:ss.fff ", CultureInfo.InvariantCulture);

    private static TransportAddress? ParseEndPoint(ArgumentResult result)
    {
        if (TransportAddress.TryParse(result.Tokens[0].Value, out var address) && address.IsLoopback) return address;
        result.AddError($"'{result.Tokens[0].Value}' is no loopback address with a port.");
        return null;
    }

    private static TransportAddress? ParseHost(ArgumentResult result)
    {
        if (Parsers.ParseAddress(result) is not { } address) return null;
        var host = TransportAddress.From(address, 0);
        if (host.IsLoopback) return host;
        result.AddError($"'{address}' is no loopback address: a lab NAT reaches nothing else.");
        return null;
    }
}
