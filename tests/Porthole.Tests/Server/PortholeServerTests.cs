using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Server;
using Porthole.Sockets;
using Porthole.Tests.Identity;

namespace Porthole.Tests.Server;

/// <summary>The real server on loopback, with real clients.</summary>
public sealed class PortholeServerTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_peers_meet_and_a_relayed_transfer_arrives_whole()
    {
        await using var server = await StartAsync();
        await using var bob = await StartPeerAsync(server, "bob", AcceptPolicy.Anyone, relayOnly: true);
        await using var alice = await StartPeerAsync(server, "alice", relayOnly: true);
        var accepting = bob.AcceptAsync(Token).AsTask();
        await using var there = await alice.ConnectAsync("bob", Token).WaitAsync(s_patience, Token);
        await using var here = await accepting.WaitAsync(s_patience, Token);
        Assert.Equal(PathKind.Relay, there.Path.Kind);

        byte[] sent = new byte[2_000_000];
        new Random(1).NextBytes(sent);
        await using var stream = await there.OpenStreamAsync(Token);
        var writing = Task.Run(async () =>
        {
            await stream.WriteAsync(sent, Token);
            stream.CompleteWrites();
        }, Token);
        await using var incoming = await here.AcceptStreamAsync(Token);
        using var received = new MemoryStream();
        await incoming.CopyToAsync(received, Token).WaitAsync(s_patience, Token);
        await writing;
        Assert.Equal(sent, received.ToArray());
    }

    /// <summary>Tests run beside each other, and the meter is one for the process: others may be counted too.</summary>
    [Fact]
    public async Task What_a_punch_came_to_is_one_line_in_the_log_and_one_count()
    {
        var log = new LineLog();
        var counted = new ConcurrentBag<(string? Method, string? Reason)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, it) =>
        {
            if (instrument is { Name: "porthole.server.punches", Meter.Name: ServerMetrics.MeterName }) it.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => counted.Add((tags[0].Value as string, tags[1].Value as string)));
        listener.Start();
        await using var server = await PortholeServer.StartAsync(Options, log, Token);
        await using var bob = await StartPeerAsync(server, "bob", AcceptPolicy.Anyone);
        await using var alice = await StartPeerAsync(server, "alice");
        var accepting = bob.AcceptAsync(Token).AsTask();
        await using var there = await alice.ConnectAsync("bob", Token).WaitAsync(s_patience, Token);
        await using var here = await accepting.WaitAsync(s_patience, Token);
        string line = await log.WaitForAsync("is direct by", Token).WaitAsync(s_patience, Token);
        Assert.Matches("^Session [0-9a-f]{16} is direct by (plain|tcp)$", line);
        Assert.Contains(counted, static one => one is { Method: "plain" or "tcp", Reason: "Direct" });
    }

    [Fact]
    public async Task Health_is_told_and_what_is_no_client_is_turned_away()
    {
        await using var server = await StartAsync();
        using var http = new HttpClient();
        Assert.Contains("\"status\":\"ok\"", await http.GetStringAsync(new Uri(server.Http, "/health"), Token), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.UpgradeRequired, (await http.GetAsync(new Uri(server.Http, MainConnection.Path), Token)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri(server.Http, "/elsewhere"), Token)).StatusCode);
        using var other = new System.Net.WebSockets.ClientWebSocket();
        other.Options.AddSubProtocol("chat");
        await Assert.ThrowsAsync<System.Net.WebSockets.WebSocketException>(() => other.ConnectAsync(new UriBuilder(server.Http) { Scheme = "ws", Path = MainConnection.Path }.Uri, Token));
    }

    [Fact]
    public async Task Names_and_key_outlive_the_process()
    {
        using var directory = new TemporaryDirectory();
        var options = Options with { DataDirectory = directory.File("data") };
        var key = IdentityKey.Generate(OperatingSystemEntropy.Instance);
        PublicKey serverKey;
        await using (var server = await StartAsync(options))
        {
            serverKey = server.Key;
            await using var bob = await StartPeerAsync(server, "bob", identity: key);
        }

        await using var again = await StartAsync(options);
        Assert.Equal(serverKey, again.Key);
        var thief = await Assert.ThrowsAsync<PeerException>(() => StartPeerAsync(again, "bob"));
        Assert.Equal(PeerError.NameTaken, thief.Error);
        await using var owner = await StartPeerAsync(again, "bob", identity: key);
        Assert.Equal("bob", owner.Name);
    }

    [Fact]
    public async Task A_damaged_names_file_loses_only_its_damaged_lines()
    {
        using var directory = new TemporaryDirectory();
        string data = directory.File("data");
        Directory.CreateDirectory(data);
        var holder = IdentityKey.Generate(OperatingSystemEntropy.Instance).PeerId;
        await File.WriteAllTextAsync(Path.Combine(data, "names"), $"{new NameRecord("bob", holder, DateTimeOffset.UtcNow).ToLine()}\nhalf a li", Token);

        await using var server = await StartAsync(Options with { DataDirectory = data });

        Assert.Equal(PeerError.NameTaken, (await Assert.ThrowsAsync<PeerException>(() => StartPeerAsync(server, "bob"))).Error);
        Assert.Equal("half a li\n", await File.ReadAllTextAsync(Path.Combine(data, "names.unreadable"), Token));
    }

    [Fact]
    public async Task A_token_keeps_others_out()
    {
        await using var server = await StartAsync(Options with { Rendezvous = new RendezvousServerOptions { Token = "open sesame" } });
        Assert.Equal(PeerError.WrongToken, (await Assert.ThrowsAsync<PeerException>(() => StartPeerAsync(server, "bob"))).Error);
        Assert.Equal(PeerError.WrongToken, (await Assert.ThrowsAsync<PeerException>(() => StartPeerAsync(server, "bob", token: "open barley"))).Error);
        await using var bob = await StartPeerAsync(server, "bob", token: "open sesame");
    }

    [Fact]
    public async Task A_port_that_was_asked_for_and_is_taken_is_an_error_and_another_is_found_otherwise()
    {
        await using var first = await StartAsync();
        var taken = Options with { Port = first.Http.Port };
        Assert.Equal(PeerError.PortInUse, (await Assert.ThrowsAsync<PeerException>(() => StartAsync(taken with { AnyPortInstead = false }))).Error);
        Assert.Equal(PeerError.PortInUse, (await Assert.ThrowsAsync<PeerException>(() => StartAsync(Options with { StunPort = first.Stun[0].Port, AnyStunPortInstead = false }))).Error);
        Assert.Equal(PeerError.AddressNotAvailable, (await Assert.ThrowsAsync<PeerException>(() => StartAsync(taken with { Address = IPAddress.Parse("203.0.113.250") }))).Error);

        await using var second = await StartAsync(taken);
        Assert.NotEqual(first.Http.Port, second.Http.Port);

        await using var third = await StartAsync(Options with { Port = 0, StunPort = 0 });
        Assert.InRange(third.Http.Port, 1, 65_535);
        Assert.All(third.Stun, port => Assert.NotEqual(0, port.Port));
    }

    [Fact]
    public async Task STUN_answers_over_UDP_from_the_port_that_was_asked_and_over_TCP()
    {
        await using var server = await StartAsync();
        Assert.True(server.Stun.Length >= PortholeServerOptions.StunPortCount);
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        byte[] answer = new byte[512];
        foreach (var port in server.Stun)
        {
            await udp.SendToAsync(Request(), port.ToEndPoint(), Token);
            var received = await udp.ReceiveFromAsync(answer, new IPEndPoint(IPAddress.Any, 0), Token).AsTask().WaitAsync(s_patience, Token);
            Assert.Equal(port.ToEndPoint(), received.RemoteEndPoint);
            AssertMapped((IPEndPoint)udp.LocalEndPoint!, answer.AsSpan(0, received.ReceivedBytes));
        }

        foreach (var port in server.Stun)
        {
            using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await tcp.ConnectAsync(port.ToEndPoint(), Token);
            byte[] request = Request();
            await tcp.SendAsync(request.AsMemory(0, 7), Token); // the boundaries of segments are not those of messages
            await tcp.SendAsync(request.AsMemory(7), Token);
            int count = await tcp.ReceiveAsync(answer, Token).AsTask().WaitAsync(s_patience, Token);
            AssertMapped((IPEndPoint)tcp.LocalEndPoint!, answer.AsSpan(0, count));
            await tcp.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), Token);
            Assert.True(await HasEndedAsync(tcp));
        }
    }

    [Fact]
    public async Task A_server_that_stops_says_so_and_leaves_no_connection()
    {
        var server = await StartAsync();
        await using var bob = await StartPeerAsync(server, "bob");
        var lost = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        bob.ServerChanged += (_, state) => lost.TrySetResult(state.Text);
        await server.DisposeAsync();
        Assert.Contains("stop", await lost.Task.WaitAsync(s_patience, Token), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0, server.Connections);
    }

    /// <summary>A log whose lines can be waited for.</summary>
    private sealed class LineLog : ILoggerFactory, ILogger
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

        public async Task<string> WaitForAsync(string part, CancellationToken cancellationToken)
        {
            await foreach (string line in _lines.Reader.ReadAllAsync(cancellationToken))
            {
                if (line.Contains(part, StringComparison.Ordinal)) return line;
            }

            throw new UnreachableException();
        }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Writer.TryWrite(formatter(state, exception));

        public void Dispose()
        {
        }
    }

    private static PortholeServerOptions Options => new()
    {
        Address = IPAddress.Loopback,
        Port = 18_848 + (Environment.ProcessId % 1_000 * 4),
        StunPort = 23_478 + (Environment.ProcessId % 1_000 * 4),
    };

    private static Task<PortholeServer> StartAsync(PortholeServerOptions? options = null) => PortholeServer.StartAsync(options ?? Options, NullLoggerFactory.Instance, Token);

    private static Task<PeerNode> StartPeerAsync(
        PortholeServer server, string name, AcceptPolicy accept = AcceptPolicy.Nobody, IdentityKey? identity = null, string? token = null, bool relayOnly = false) => PeerNode.StartAsync(
        LoopbackOptions.At(new ServerAddress(server.Http, server.Key), name, accept, identity) with { Token = token, Transports = relayOnly ? Transports.None : Transports.All },
        Token);

    /// <summary>Whether the other side ends the connection, in whatever way.</summary>
    private static async Task<bool> HasEndedAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(s_patience, Token) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static byte[] Request()
    {
        byte[] buffer = new byte[64];
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, TransactionId.Create(OperatingSystemEntropy.Instance));
        return writer.Written.ToArray();
    }

    private static void AssertMapped(IPEndPoint expected, ReadOnlySpan<byte> answer)
    {
        Assert.True(StunReader.TryParse(answer, out var message));
        Assert.Equal(StunClass.SuccessResponse, message.Class);
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped));
        Assert.Equal(TransportAddress.FromEndPoint(expected), mapped);
    }
}
