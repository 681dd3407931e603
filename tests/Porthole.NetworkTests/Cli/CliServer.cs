using System.Net;
using System.Net.Sockets;
using Porthole.Identity;
using Porthole.NetworkTests.Live;
using Porthole.Protocol.Rendezvous;

namespace Porthole.NetworkTests.Cli;

/// <summary>A server for the tests of a class, on a loopback address of its own, and the homes of its users.</summary>
public sealed class CliServer : IAsyncLifetime
{
    /// <summary>The token of the second server.</summary>
    internal const string Token = "sesame";

    private readonly string _homes = Directory.CreateTempSubdirectory("porthole-cli").FullName;
    private CliProcess? _open;
    private CliProcess? _closed;
    private CliProcess? _announcing;
    private int _names;

    /// <summary>The address of the server that is open to everyone.</summary>
    internal string Address { get; private set; } = "";

    /// <summary>The open server's host and port.</summary>
    internal string Authority => Address["http://".Length..];

    /// <summary>The address of the server that asks for a token.</summary>
    internal string TokenAddress { get; private set; } = "";

    /// <summary>The address of the server that tells everyone who logs in.</summary>
    internal string PublicAddress { get; private set; } = "";

    /// <summary>The loopback addresses of this class.</summary>
    internal LoopbackBlock Block { get; } = new();

    public async ValueTask InitializeAsync()
    {
        _open = CliProcess.Start(NewHome(), "server", "--ip", Block[1].Address.ToString(), "--in-memory", "--lobby", "--json");
        _closed = CliProcess.Start(NewHome(), "server", "--ip", Block[2].Address.ToString(), "--in-memory", "--json", "--token", Token);
        Address = (string)(await _open.EventAsync("listening"))["http"]!;
        _announcing = CliProcess.Start(NewHome(), "server", "--ip", Block[3].Address.ToString(), "--in-memory", "--json", "--public-presence");
        PublicAddress = (string)(await _announcing.EventAsync("listening"))["http"]!;
        TokenAddress = (string)(await _closed.EventAsync("listening"))["http"]!;
    }

    public async ValueTask DisposeAsync()
    {
        if (_open is not null) await _open.DisposeAsync();
        if (_closed is not null) await _closed.DisposeAsync();
        if (_announcing is not null) await _announcing.DisposeAsync();
        Directory.Delete(_homes, recursive: true);
    }

    /// <summary>A name that no other test uses.</summary>
    internal string NewName(string name) => $"{name}-{Interlocked.Increment(ref _names)}";

    /// <summary>A folder for the keys of one user.</summary>
    internal string NewHome() => Directory.CreateDirectory(Path.Combine(_homes, $"home-{Interlocked.Increment(ref _names)}")).FullName;

    /// <summary>Starts a listener and waits until it can be called.</summary>
    internal async Task<CliProcess> ListenAsync(string name, params string[] more)
    {
        var listener = CliProcess.Start(NewHome(), ["listen", "--as", name, "--server", Address, "--json", .. more]);
        await listener.EventAsync("registered");
        return listener;
    }

    /// <summary>Starts a peer in this process, which does what the commands do not.</summary>
    internal Task<PeerNode> StartPeerAsync(string name) => PeerNode.StartAsync(
        new PeerOptions
        {
            Server = ServerAddress.Parse(Address),
            Name = name,
            IdentityPath = Path.Combine(NewHome(), "identity"),
            KnownPeers = KnownPeers.InMemory(),
            KnownServers = KnownServers.InMemory(),
            Accept = AcceptPolicy.Anyone,
            BindAddress = IPAddress.Loopback,
            PortMapping = false,
        },
        TestContext.Current.CancellationToken);

    /// <summary>Takes a UDP port on every address.</summary>
    internal static Socket TakePort(out int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        return socket;
    }
}
