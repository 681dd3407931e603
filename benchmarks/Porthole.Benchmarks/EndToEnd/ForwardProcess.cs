using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>This program again, as one end of forwarded TCP connections through the NATs of a lab. The near end does what standard input says, a line each, and says how long it took.</summary>
internal static class ForwardProcess
{
    /// <summary>The argument that makes this program the end that shares a port; then the server.</summary>
    public const string Far = "lab-forward-far";

    /// <summary>The argument that makes this program the end that forwards it; then the server.</summary>
    public const string Near = "lab-forward-near";

    /// <summary>What the near end can be told: to send bytes, or to make connections, to an address.</summary>
    public const string Send = "send", Connect = "connect";

    /// <summary>What begins its answers.</summary>
    public const string Ready = "ready", Done = "done";

    /// <summary>The port of the far end.</summary>
    public const int Port = 9_000;

    /// <summary>The port of the near end that leads there.</summary>
    public const int ForwardedPort = 9_001;

    /// <summary>How much is sent.</summary>
    public const long Bytes = 300_000_000;

    /// <summary>How many connections are made.</summary>
    public const int Connections = 2_000;

    /// <summary>How many of them at once.</summary>
    private const int AtOnce = 32;

    private const int Chunk = 64 * 1024;
    private const string Name = "far";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static async Task<int> RunFarAsync(string server)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Any, Port));
        listener.Listen(Connections);
        _ = ServeAsync(listener);
        var options = Peers.Options(ServerAddress.Parse(server), Name) with { Session = ForwardingSession.Options };
        var node = await PeerNode.StartAsync(options).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            await Console.Out.WriteLineAsync(Ready).ConfigureAwait(false);
            var sharer = new PortSharer([new SharedPort(Target())]);
            while (true) _ = sharer.ServeAsync(await node.AcceptAsync().ConfigureAwait(false));
        }
    }

    public static async Task<int> RunNearAsync(string server)
    {
        var options = Peers.Options(ServerAddress.Parse(server), name: null) with { Session = ForwardingSession.Options };
        var node = await PeerNode.StartAsync(options).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            var peer = new PeerRedialer(node, new PeerTarget(Name, null));
            await using (peer.ConfigureAwait(false))
            {
                var connection = await peer.GetAsync().ConfigureAwait(false);
                await connection.WaitForDirectAsync(s_patience).ConfigureAwait(false);
                var forwarder = PortForwarder.Start(peer, [new ForwardedPort(new IPEndPoint(IPAddress.Loopback, ForwardedPort), Target())]);
                await using (forwarder.ConfigureAwait(false)) await ObeyAsync(connection).ConfigureAwait(false);
            }
        }

        return 0;
    }

    private static ForwardTarget Target() => ForwardTarget.TryCreate(ForwardKind.Tcp, null, Port, out var target) ? target : throw new UnreachableException();

    private static async Task ObeyAsync(PeerConnection connection)
    {
        await Console.Out.WriteLineAsync(Ready).ConfigureAwait(false);
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            string[] words = line.Split(' ');
            var to = IPEndPoint.Parse(words[1]);
            long began = Stopwatch.GetTimestamp();
            if (words[0] == Send) await SendAsync(to).ConfigureAwait(false);
            else await Parallel.ForAsync(0, Connections, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (_, _) => await AskAsync(to).ConfigureAwait(false)).ConfigureAwait(false);
            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (!connection.Path.IsDirect) throw new InvalidOperationException("The path was not direct in the end.");
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{Done} {seconds}")).ConfigureAwait(false);
        }
    }

    /// <summary>Sends bytes, and waits until the other end has read them all.</summary>
    private static async Task SendAsync(IPEndPoint to)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(to).ConfigureAwait(false);
        byte[] chunk = new byte[Chunk];
        for (long sent = 0; sent < Bytes;) sent += await socket.SendAsync(chunk).ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
        if (await socket.ReceiveAsync(chunk).ConfigureAwait(false) == 0) throw new EndOfStreamException("The other end did not finish.");
    }

    /// <summary>Makes a connection, sends a byte, and waits for the answer.</summary>
    private static async Task AskAsync(IPEndPoint to)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(to).ConfigureAwait(false);
        byte[] one = new byte[1];
        await socket.SendAsync(one).ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
        if (await socket.ReceiveAsync(one).ConfigureAwait(false) == 0) throw new EndOfStreamException("There was no answer.");
    }

    private static async Task ServeAsync(Socket listener)
    {
        while (true) _ = ReadAsync(await listener.AcceptAsync().ConfigureAwait(false));
    }

    /// <summary>Reads to the end, and answers with a byte.</summary>
    private static async Task ReadAsync(Socket socket)
    {
        using (socket)
        {
            byte[] chunk = new byte[Chunk];
            while (await socket.ReceiveAsync(chunk).ConfigureAwait(false) > 0)
            {
                // It is only counted by the time it takes.
            }

            await socket.SendAsync(chunk.AsMemory(0, 1)).ConfigureAwait(false);
        }
    }
}
