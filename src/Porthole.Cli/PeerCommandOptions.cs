using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Porthole.Cli.Trace;
using Porthole.Identity;
using Porthole.Lab.Live;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Cli;

/// <summary>The options of every command that runs a peer: who it is, where its server is, which local address it uses.</summary>
internal sealed class PeerCommandOptions
{
    private const string ServerVariable = "PORTHOLE_SERVER";

    private readonly Option<string?> _name = new("--as") { Description = "The name to register: 1 to 32 of a-z, 0-9, '-', '_', '.'.", HelpName = "NAME", CustomParser = Parsers.ParseName };
    private readonly Option<ServerAddress?> _server = new("--server")
    {
        Description = "The server: http://HOST[:PORT], HOST[:PORT], or with its key pinned porthole://HOST[:PORT]#KEY (default: the variable PORTHOLE_SERVER).",
        HelpName = "ADDRESS",
        CustomParser = Parsers.ParseServer,
    };

    private readonly Option<string?> _identity = new("--identity")
    {
        Description = "The file with the peer's key; it is created if it is not there (default: one file for each name, see 'porthole id').",
        HelpName = "FILE",
    };

    private readonly Option<string?> _token = new("--token")
    {
        Description = "The access token that the server asks for (default: the variable PORTHOLE_TOKEN).", HelpName = "TOKEN", CustomParser = Parsers.ParseToken,
    };

    private readonly Option<IPAddress?> _ip = new("--ip") { Description = "The local address from which peers and the server are reached; 0.0.0.0 means all (default: all).", HelpName = "IP", CustomParser = Parsers.ParseAddress };
    private readonly Option<int?> _port = new("--port")
    {
        Description = $"The local port, UDP and TCP, from which they are reached, which must be free (default: {PeerMachineOptions.DefaultPort}, or another if it is taken).", HelpName = "PORT", CustomParser = Parsers.ParsePort,
    };

    private readonly Option<Transports?> _transport = new("--transport")
    {
        Description = "What direct paths are made of: udp, tcp, auto (both), or relay: tell nobody this host's addresses, and punch no holes (default: auto).",
        HelpName = "TRANSPORT",
        CustomParser = Parsers.ParseTransport,
    };

    private readonly Option<PathKind?> _prefer = new("--prefer") { Description = "Where both give a direct path, the one to use: udp or tcp (default: udp).", HelpName = "TRANSPORT", CustomParser = Parsers.ParsePrefer };
    private readonly Option<string?> _trace = new("--trace")
    {
        Description = "Write at the end how the connections were made: a chart to FILE (.html), and the packets beside it (.pcapng).", HelpName = "FILE", CustomParser = Parsers.ParseFile,
    };

    private readonly Option<bool> _hideLan = new("--hide-lan") { Description = "Tell nobody the addresses of local networks." };
    private readonly Option<bool> _noPortMapping = new("--no-port-mapping") { Description = "Do not ask the router to map a port (PCP, NAT-PMP, UPnP)." };
    private readonly Option<LogLevel> _logLevel = CommonOptions.LogLevel(Microsoft.Extensions.Logging.LogLevel.None);
    private readonly Option<string?> _lab = new("--lab-network") { Hidden = true }; // HOST@GATEWAY: a host behind a lab NAT, for the demo
    private readonly bool _hasName;
    private readonly bool _hasPaths;

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hasName">Whether its peer may have a name.</param>
    /// <param name="hasPaths">Whether its peer makes connections, so that it matters what they are made of.</param>
    public PeerCommandOptions(Command command, bool hasName = true, bool hasPaths = true)
    {
        (_hasName, _hasPaths) = (hasName, hasPaths);
        foreach (Option option in new Option[] { _server, _identity, _token, _ip, _port, _hideLan, _noPortMapping, _logLevel, _lab }) command.Add(option);
        if (hasName) command.Add(_name);
        if (!hasPaths) return;
        command.Add(_transport);
        command.Add(_prefer);
        command.Add(_trace);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_prefer) is not null && result.GetValue(_transport) is { } only and not Transports.All)
            {
                result.AddError($"--prefer chooses between UDP and TCP, and --transport {Words.CodeOf(only)} leaves nothing to choose. Leave one of the two out.");
            }
        });
    }

    /// <summary>The file of a name's key: every name on this machine has its own, so that two peers on one machine are two.</summary>
    public static string IdentityPathOf(string? name) => name is null ? IdentityFile.DefaultPath : $"{IdentityFile.DefaultPath}-{name}";

    /// <summary>Whether the command line says whose key to use: by a name, or by a file.</summary>
    public bool NamesIdentity(ParseResult parsed) => parsed.GetValue(_identity) is not null || (_hasName && parsed.GetValue(_name) is not null);

    /// <summary>The log that the command line asks for.</summary>
    public ILoggerFactory CreateLog(ParseResult parsed) => StandardErrorLog.CreateFactory(parsed.GetValue(_logLevel));

    /// <summary>What the command line says about the peer.</summary>
    /// <exception cref="PeerException">No server is given, or a file cannot be used.</exception>
    public PeerOptions Read(ParseResult parsed, ILoggerFactory loggers)
    {
        string? name = _hasName ? parsed.GetValue(_name) : null;
        var known = KnownPeers.Open(KnownPeers.DefaultPath);
        return new PeerOptions
        {
            Server = parsed.GetValue(_server) ?? ServerFromEnvironment(),
            Name = name,
            Token = parsed.GetValue(_token) ?? CommonOptions.TokenFromEnvironment,
            IdentityPath = parsed.GetValue(_identity) ?? IdentityPathOf(name),
            KnownPeers = known,
            Allowed = [.. known.Peers.Select(static peer => peer.Key.PeerId).Distinct().Take(RendezvousLimits.MaxListedPeers)],
            Presence = PresenceMode.None,
            BindAddress = CheckAddress(parsed.GetValue(_ip)),
            Port = parsed.GetValue(_port),
            Transports = _hasPaths ? parsed.GetValue(_transport) ?? Transports.All : Transports.All,
            Prefer = _hasPaths ? parsed.GetValue(_prefer) ?? PathKind.Udp : PathKind.Udp,
            HideLan = parsed.GetValue(_hideLan),
            PortMapping = !parsed.GetValue(_noPortMapping),
            LoggerFactory = loggers,
            Network = ReadLab(parsed.GetValue(_lab)),
        };
    }

    /// <summary>Runs a peer as the command line says, and writes the trace at its end if one is asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="run">What the command does: starts a peer with these options, and gives the exit code.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">No server is given, or a file cannot be used; or what the command throws.</exception>
    public async Task<int> RunAsync(ParseResult parsed, Func<PeerOptions, CancellationToken, Task<int>> run)
    {
        using var interrupt = new Interrupt();
        using var loggers = CreateLog(parsed);
        var options = Read(parsed, loggers);
        if (!_hasPaths || parsed.GetValue(_trace) is not { } file) return await run(options, interrupt.Token).ConfigureAwait(false);
        using var files = TraceFiles.Open(file);
        try
        {
            return await run(options with { Trace = files.Recorder }, interrupt.Token).ConfigureAwait(false);
        }
        finally
        {
            files.Write(); // also of a command that failed: that is when it is wanted
        }
    }

    /// <summary>The network and the UDP port that the command line asks for, for a command that needs no server; port 0 is any.</summary>
    /// <exception cref="PeerException">The address is not this host's.</exception>
    public (INetwork Network, ushort Port) ReadNetwork(ParseResult parsed) =>
        (NodeSetup.At(ReadLab(parsed.GetValue(_lab)) ?? (INetwork)new RealNetwork(), CheckAddress(parsed.GetValue(_ip))), (ushort)(parsed.GetValue(_port) ?? 0));

    /// <summary>Whether the command line names a server, or says something that only a server is told.</summary>
    public bool NeedsServer(CommandResult result) => new Option[] { _server, _identity, _token, _hideLan, _noPortMapping }.Any(option => result.GetResult(option) is not null);

    /// <summary>An address that is not this host's would leave the peer without any, and nobody would know why.</summary>
    private static IPAddress? CheckAddress(IPAddress? address)
    {
        if (address is null) return null;
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(address, 0));
            return address;
        }
        catch (SocketException)
        {
            throw new PeerException(PeerError.AddressNotAvailable, $"{address} is no address of this host. Choose another with --ip, or leave it out to use all.");
        }
    }

    private static LabNetwork? ReadLab(string? text)
    {
        if (text is null) return null;
        return LabNetwork.TryParse(text, out var network) ? network : throw new PeerException(PeerError.BadRequest, $"'{text}' is no lab network: use HOST@GATEWAY:PORT, both loopback addresses.");
    }

    private static ServerAddress ServerFromEnvironment()
    {
        string? text = Environment.GetEnvironmentVariable(ServerVariable);
        if (string.IsNullOrEmpty(text))
        {
            throw new PeerException(PeerError.BadRequest, $"No server is given. Add --server http://HOST[:PORT], or set {ServerVariable}; 'porthole server' runs one.");
        }

        return ServerAddress.TryParse(text, out var server)
            ? server
            : throw new PeerException(PeerError.BadRequest, $"{ServerVariable} holds '{text}', which is no server: use http://HOST[:PORT] or porthole://HOST[:PORT]#KEY.");
    }
}
