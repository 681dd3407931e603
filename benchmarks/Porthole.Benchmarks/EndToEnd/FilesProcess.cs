using System.Diagnostics;
using System.Globalization;
using System.Net;
using Porthole.Files;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// This program again, as one end of transfers of files through the NATs of a lab: by Porthole over the direct path, which stands from the beginning to the end, and by tar over plain TCP. It does what
/// standard input says, a line each, and says when that is done.
/// </summary>
internal static class FilesProcess
{
    /// <summary>The argument that makes this program the receiving end; then the server.</summary>
    public const string Receiver = "lab-files-receiver";

    /// <summary>The argument that makes this program the sending end; then the server.</summary>
    public const string Sender = "lab-files-sender";

    /// <summary>What it can be told: to receive into a folder, or to send a path, by Porthole; the same by tar, on a port or to an address.</summary>
    public const string Receive = "receive", Send = "send", TarReceive = "tar-receive", TarSend = "tar-send";

    /// <summary>What begins its answers.</summary>
    public const string Ready = "ready", Done = "done";

    private const string Name = "files";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static async Task<int> RunReceiverAsync(string server)
    {
        var node = await PeerNode.StartAsync(Peers.Options(ServerAddress.Parse(server), Name)).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            await SayAsync(Ready).ConfigureAwait(false);
            var connection = await node.AcceptAsync().ConfigureAwait(false);
            while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                string[] words = line.Split(' ');
                switch (words[0])
                {
                    case Receive:
                        await SayAsync(Ready).ConfigureAwait(false);
                        var stream = await connection.AcceptStreamAsync().ConfigureAwait(false);
                        await using (stream.ConfigureAwait(false))
                        {
                            await stream.ReadProtocolAsync().ConfigureAwait(false);
                            await new FileReceiver(words[1]).ReceiveAsync(connection, stream, CancellationToken.None).ConfigureAwait(false);
                        }

                        break;
                    case TarReceive:
                        await TarPipe.ReceiveAsync(int.Parse(words[1], CultureInfo.InvariantCulture), words[2], static () => SayAsync(Ready)).ConfigureAwait(false);
                        break;
                }

                await SayAsync(Done).ConfigureAwait(false);
            }
        }

        return 0;
    }

    public static async Task<int> RunSenderAsync(string server)
    {
        var node = await PeerNode.StartAsync(Peers.Options(ServerAddress.Parse(server), name: null)).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            var connection = await node.ConnectAsync(Name).ConfigureAwait(false);
            await connection.WaitForDirectAsync(s_patience).ConfigureAwait(false);
            await SayAsync(Ready).ConfigureAwait(false);
            while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                string[] words = line.Split(' ');
                long began = Stopwatch.GetTimestamp();
                switch (words[0])
                {
                    case Send:
                        await new FileSender([words[1]]).SendAsync(connection, CancellationToken.None).ConfigureAwait(false);
                        if (!connection.Path.IsDirect) throw new InvalidOperationException("The path was not direct in the end.");
                        break;
                    case TarSend:
                        await TarPipe.SendAsync(IPEndPoint.Parse(words[1]), words[2]).ConfigureAwait(false);
                        break;
                }

                await SayAsync(string.Create(CultureInfo.InvariantCulture, $"{Done} {Stopwatch.GetElapsedTime(began).TotalSeconds}")).ConfigureAwait(false);
            }
        }

        return 0;
    }

    private static Task SayAsync(string text) => Console.Out.WriteLineAsync(text);
}
