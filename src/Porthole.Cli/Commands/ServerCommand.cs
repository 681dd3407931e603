using System.CommandLine;
using System.Net;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;
using Porthole.Server;
using Porthole.Sockets;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole server</c>.</summary>
internal static class ServerCommand
{
    public static Command Create()
    {
        var ip = new Option<IPAddress>("--ip")
        {
            Description = "The address to listen on; 0.0.0.0 means all IPv4 addresses, :: all addresses.",
            HelpName = "IP",
            DefaultValueFactory = static _ => IPAddress.Any,
            CustomParser = Parsers.ParseAddress,
        };
        var port = new Option<int?>("--port")
        {
            Description = $"The TCP port of main connections and /health (default: {MainConnection.DefaultPort}, or another if it is taken).", HelpName = "PORT", CustomParser = Parsers.ParsePort,
        };
        var stunPort = new Option<int?>("--stun-port")
        {
            Description = $"The first of {PortholeServerOptions.StunPortCount} STUN ports, UDP and TCP (default: {StunServerOptions.DefaultPort}, or others if they are taken).",
            HelpName = "PORT",
            CustomParser = Parsers.ParsePort,
        };
        var stunAddress = new Option<IPAddress?>("--stun-address")
        {
            Description = "A second IPv4 address of this host for STUN, so that clients learn more about their NATs (default: public addresses among those of --ip).",
            HelpName = "IP",
            CustomParser = Parsers.ParseAddress,
        };
        var token = new Option<string?>("--token") { Description = "Serve only clients that show this access token (default: the variable PORTHOLE_TOKEN).", HelpName = "TOKEN", CustomParser = Parsers.ParseToken };
        var publicPresence = new Option<bool>("--public-presence") { Description = "Tell everyone when anyone logs in or leaves ('porthole chat --auto-connect')." };
        var lobby = new Option<bool>("--lobby") { Description = "Let strangers meet without a code ('porthole meet'): nobody proves anything to the other." };
        var data = new Option<string?>("--data") { Description = "The folder for the server's key and the names it keeps (default: ~/.local/share/porthole).", HelpName = "DIR" };
        var inMemory = new Option<bool>("--in-memory") { Description = "Keep key and names in memory only: both are new at each start." };
        var json = CommonOptions.Json();
        var leash = CommonOptions.Leash();
        var logLevel = CommonOptions.LogLevel(Microsoft.Extensions.Logging.LogLevel.Warning);
        var command = new Command("server", "Run the server that introduces peers to each other: rendezvous, STUN and relay in one process.")
        {
            ip, port, stunPort, stunAddress, token, publicPresence, lobby, data, inMemory, json, logLevel, leash,
        };

        command.SetAction(async (parsed, cancellationToken) =>
        {
            var options = new PortholeServerOptions
            {
                Address = parsed.GetValue(ip)!,
                Port = parsed.GetValue(port) ?? MainConnection.DefaultPort,
                AnyPortInstead = parsed.GetValue(port) is null,
                StunPort = parsed.GetValue(stunPort) ?? StunServerOptions.DefaultPort,
                SecondStunAddress = parsed.GetValue(stunAddress),
                AnyStunPortInstead = parsed.GetValue(stunPort) is null,
                DataDirectory = parsed.GetValue(inMemory) ? null : parsed.GetValue(data) ?? DefaultDataDirectory,
                Rendezvous = new RendezvousServerOptions { Token = parsed.GetValue(token) ?? CommonOptions.TokenFromEnvironment, PublicPresence = parsed.GetValue(publicPresence), Lobby = parsed.GetValue(lobby) },
            };
            return await RunAsync(options, parsed.GetValue(json), parsed.GetValue(logLevel), parsed.GetValue(leash), cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static string DefaultDataDirectory
    {
        get
        {
            string? configured = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
            string home = string.IsNullOrEmpty(configured) ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share") : configured;
            return Path.Combine(home, "porthole");
        }
    }

    private static async Task<int> RunAsync(PortholeServerOptions options, bool json, Microsoft.Extensions.Logging.LogLevel logLevel, bool untilEndOfInput, CancellationToken cancellationToken)
    {
        using var interrupt = new Interrupt(untilEndOfInput);
        using var loggers = StandardErrorLog.CreateFactory(logLevel);
        var server = await PortholeServer.StartAsync(options, loggers, cancellationToken).ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
        {
            Announce(server, json);
            if (PortholeServer.IsOpenToEveryone(options) && logLevel > Microsoft.Extensions.Logging.LogLevel.Warning)
            {
                Complaint.Write("warning: open to everyone on a public address. Set --token to choose who may use it.");
            }

            await interrupt.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return ExitCode.Success;
    }

    private static void Announce(PortholeServer server, bool json)
    {
        string key = ServerAddress.FormatKey(server.Key);
        if (json)
        {
            JsonLines.Write("listening", writer =>
            {
                writer.WriteString("http", server.Http.GetLeftPart(UriPartial.Authority));
                writer.WriteStartArray("stun");
                foreach (var address in server.Stun) writer.WriteStringValue(address.ToString());
                writer.WriteEndArray();
                writer.WriteString("key", key);
            });
            return;
        }

        Console.WriteLine($"Main connections and /health on {server.Http.GetLeftPart(UriPartial.Authority)}, STUN on {string.Join(", ", server.Stun)}");
        Console.WriteLine($"Peers reach it with --server {server.Http.GetLeftPart(UriPartial.Authority)}, or, with its key pinned:");
        Console.WriteLine($"  --server 'porthole://{server.Http.Authority}#{key}'");
        Console.WriteLine("Ctrl-C stops it.");
    }
}
