using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Porthole.Punching;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// This program again, as one end of TCP connections through the NATs of a lab, plain ones and punched ones, and of transfers over them. It does what standard
/// input says, a line each, and says what came of it.
/// </summary>
internal static class PipeProcess
{
    /// <summary>The argument that makes this program such an end; then the STUN server.</summary>
    public const string Argument = "lab-pipe";

    /// <summary>Says the mapped address of a new port: <see cref="Mapped"/>.</summary>
    public const string Map = "map";

    /// <summary>Punches from that port to an address: <see cref="Done"/>.</summary>
    public const string Punch = "punch";

    /// <summary>Connects to an address: <see cref="Done"/>.</summary>
    public const string Connect = "connect";

    /// <summary>Listens on a port, <see cref="Listening"/>, and takes one connection: <see cref="Done"/>.</summary>
    public const string Accept = "accept";

    /// <summary>Sends a number of bytes over the last connection but so many: <see cref="Done"/>.</summary>
    public const string Send = "send";

    /// <summary>Receives a number of bytes over the last connection but so many: <see cref="Done"/>, with the seconds it took and those of the processor.</summary>
    public const string Receive = "receive";

    /// <summary>What begins the answers.</summary>
    public const string Mapped = "mapped", Listening = "listening", Done = "done";

    /// <summary>What a copying program uses, in bytes.</summary>
    private const int Chunk = 64 * 1024;

    public static async Task<int> RunAsync(string stunServer)
    {
        var sockets = new List<Socket>();
        TcpMapping? mapping = null;
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            string[] words = line.Split(' ');
            string answer = Done;
            switch (words[0])
            {
                case Map:
                    mapping = await HolePuncher.MapTcpPortAsync(0, IPEndPoint.Parse(stunServer)).ConfigureAwait(false);
                    answer = $"{Mapped} {mapping.Mapped}";
                    break;
                case Punch:
                    long began = Stopwatch.GetTimestamp();
                    sockets.Add(await HolePuncher.PunchTcpAsync(mapping!.Local, IPEndPoint.Parse(words[1])).ConfigureAwait(false));
                    answer = Text($"{Done} {Stopwatch.GetElapsedTime(began).TotalMilliseconds}");
                    mapping.Dispose();
                    break;
                case Connect:
                    var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    sockets.Add(socket);
                    await socket.ConnectAsync(IPEndPoint.Parse(words[1])).ConfigureAwait(false);
                    break;
                case Accept:
                    sockets.Add(await AcceptAsync(Number(words[1])).ConfigureAwait(false));
                    break;
                case Send:
                    await SendAsync(sockets[^(1 + Number(words[2]))], long.Parse(words[1], CultureInfo.InvariantCulture)).ConfigureAwait(false);
                    break;
                case Receive:
                    answer = await ReceiveAsync(sockets[^(1 + Number(words[2]))], long.Parse(words[1], CultureInfo.InvariantCulture)).ConfigureAwait(false);
                    break;
            }

            await Console.Out.WriteLineAsync(answer).ConfigureAwait(false);
        }

        return 0;
    }

    private static async Task<Socket> AcceptAsync(int port)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen();
        await Console.Out.WriteLineAsync(Listening).ConfigureAwait(false);
        return await listener.AcceptAsync().ConfigureAwait(false);
    }

    private static async Task SendAsync(Socket socket, long bytes)
    {
        byte[] chunk = new byte[Chunk];
        for (long left = bytes; left > 0;) left -= await socket.SendAsync(chunk.AsMemory(0, (int)Math.Min(Chunk, left))).ConfigureAwait(false);
    }

    /// <summary>Times from the first byte on, as the ends are not told to begin at one moment.</summary>
    private static async Task<string> ReceiveAsync(Socket socket, long bytes)
    {
        byte[] chunk = new byte[Chunk];
        long left = bytes - await ReadAsync(socket, chunk, bytes).ConfigureAwait(false);
        long began = Stopwatch.GetTimestamp();
        var processor = Environment.CpuUsage.TotalTime;
        while (left > 0) left -= await ReadAsync(socket, chunk, left).ConfigureAwait(false);
        return Text($"{Done} {Stopwatch.GetElapsedTime(began).TotalSeconds} {(Environment.CpuUsage.TotalTime - processor).TotalSeconds}");
    }

    private static async Task<int> ReadAsync(Socket socket, byte[] chunk, long left)
    {
        int read = await socket.ReceiveAsync(chunk.AsMemory(0, (int)Math.Min(Chunk, left))).ConfigureAwait(false);
        return read > 0 ? read : throw new EndOfStreamException("The connection ended in mid-transfer.");
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
