using System.Diagnostics;
using System.Text.Json;
using Porthole.Identity;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol;
using Porthole.Runtime;

namespace Porthole.TestPeer;

/// <summary>A node that answers every exchange and starts those it is told to.</summary>
internal sealed class TestPeer : IAsyncDisposable
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(90), s_serverPatience = TimeSpan.FromSeconds(9);

    private readonly PeerNode _node;
    private readonly LateNetwork _network;
    private readonly Task _accepting;

    private TestPeer(PeerNode node, LateNetwork network)
    {
        (_node, _network) = (node, network);
        _accepting = AcceptAsync();
    }

    public static async Task<TestPeer> StartAsync(ServerAddress server, string name, Transports transports)
    {
        var network = new LateNetwork();
        var options = new PeerOptions
        {
            Network = network,
            Server = server,
            Name = name,
            Identity = IdentityKey.Generate(OperatingSystemEntropy.Instance),
            KnownPeers = KnownPeers.InMemory(),
            KnownServers = KnownServers.InMemory(),
            Accept = AcceptPolicy.Anyone,
            Transports = transports,
            StartTimeout = s_startLimit,
            Observer = Tell,
        };
        var node = await StartAsync(options);
        node.ServerChanged += (_, state) => Report.Write(new { @event = state.IsRegistered ? "registered" : "serverLost", at = Report.Now, text = state.Text });
        Report.Write(new { @event = "registered", at = Report.Now, name = node.Name, peerId = node.Id.ToString() });
        return new TestPeer(node, network);
    }

    /// <summary>Does what the lines say, one after the other, until they end.</summary>
    public async Task RunAsync(TextReader lines)
    {
        while (await lines.ReadLineAsync() is { } line)
        {
            var command = JsonSerializer.Deserialize<Command>(line, s_json)!;
            try
            {
                if (command.Peer is { } peer) await CallAsync(peer, command);
                else _network.Lateness = TimeSpan.FromMilliseconds(command.LateMs);
            }
            catch (PeerException e)
            {
                Report.Write(new { @event = "failed", peer = command.Peer, error = e.Error.ToString(), text = e.Message });
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Starts a node; again, where it took as long as a node has patience with a server, for many start at once on a machine of few cores.</summary>
    private static async Task<PeerNode> StartAsync(PeerOptions options)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            long attempt = Stopwatch.GetTimestamp();
            try
            {
                return await PeerNode.StartAsync(options);
            }
            catch (PeerException e) when (
                e.Error == PeerError.ServerUnreachable && Stopwatch.GetElapsedTime(attempt) >= s_serverPatience && Stopwatch.GetElapsedTime(began) < s_startLimit)
            {
                // The server is there: the lab has waited for it.
            }
        }
    }

    private static void Tell(PeerEvent happened)
    {
        if (happened is not PeerEvent.PortsMapped mapped) return;
        Report.Write(new
        {
            @event = "mapped",
            at = Report.Now,
            ports = mapped.Ports.Select(static port => new { transport = port.Transport.ToString(), external = port.External.ToString(), protocol = port.Protocol.ToString() }),
            problem = mapped.Problem,
        });
    }

    private async Task CallAsync(string peer, Command command)
    {
        long start = Stopwatch.GetTimestamp();
        double Elapsed() => Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        await using var connection = await _node.ConnectAsync(peer);
        connection.PathChanged += (_, path) => Report.Write(new
        {
            @event = "path",
            at = Report.Now,
            peer,
            kind = path.Kind.ToString(),
            local = path.Local?.ToString(),
            remote = path.Remote?.ToString(),
            elapsedMs = Elapsed(),
        });
        Report.Write(new { @event = "session", at = Report.Now, peer, elapsedMs = Elapsed() });
        bool isDirect = command.DirectWithinMs > 0 && await WaitForDirectAsync(connection, TimeSpan.FromMilliseconds(command.DirectWithinMs));
        if (isDirect) Report.Write(new { @event = "direct", at = Report.Now, peer, elapsedMs = Elapsed() });

        await using var stream = await connection.OpenStreamAsync();
        var exchange = await Exchange.AskAsync(stream, command.Bytes, command.Rate, so => Report.Write(new
        {
            @event = "progress",
            at = Report.Now,
            peer,
            received = so.Received,
            kind = connection.Path.Kind.ToString(),
        }));

        // A machine that has much to do lets a path seem dead for a moment: whether it is there shows when it comes back.
        if (isDirect) await WaitForDirectAsync(connection, TimeSpan.FromMilliseconds(command.DirectWithinMs));
        Report.Write(Result("done", peer, exchange, connection));
        await connection.CloseAsync();
    }

    private static async Task<bool> WaitForDirectAsync(PeerConnection connection, TimeSpan limit)
    {
        try
        {
            await connection.WaitForDirectAsync(limit);
            return true;
        }
        catch (PeerException e) when (e.Error != PeerError.Closed)
        {
            return false; // the exchange then goes over the relay; the report says so
        }
    }

    private static object Result(string happened, string? peer, Exchange exchange, PeerConnection connection) => new
    {
        @event = happened,
        at = Report.Now,
        peer,
        intact = exchange.IsIntact,
        received = exchange.Received,
        elapsedMs = exchange.Elapsed.TotalMilliseconds,
        longestGapMs = exchange.LongestGap.Milliseconds,
        gapEndedAt = exchange.LongestGap.At,
        kind = connection.Path.Kind.ToString(),
        local = connection.Path.Local?.ToString(),
        remote = connection.Path.Remote?.ToString(),
        verdict = connection.Verdict.Sentence,
    };

    private async Task AcceptAsync()
    {
        while (true) _ = AnswerAsync(await _node.AcceptAsync());
    }

    private static async Task AnswerAsync(PeerConnection connection)
    {
        try
        {
            await using (connection)
            {
                while (true)
                {
                    await using var stream = await connection.AcceptStreamAsync();
                    Report.Write(Result("answered", connection.RemoteName, await Exchange.AnswerAsync(stream), connection));
                }
            }
        }
        catch (Exception e) when (e is PeerException or IOException)
        {
            Report.Write(new { @event = "closed", at = Report.Now, peer = connection.RemoteName, text = e.Message });
        }
    }
}
