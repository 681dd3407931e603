using System.Globalization;
using Porthole.Benchmarks.EndToEnd;
using Porthole.Benchmarks.Harness;
using Porthole.Benchmarks.Protocol;
using Porthole.Protocol;

namespace Porthole.Benchmarks;

/// <summary>Runs benchmarks by name; the tables go to standard output, what happens meanwhile to standard error.</summary>
internal static class Program
{
    private const int UsageError = 2;

    private static readonly IBenchmark[] s_benchmarks =
    [
        new StunBenchmark(), new HandshakeBenchmark(), new SessionBenchmark(), new StreamBenchmark(), new RelayBenchmark(), new IdleBenchmark(), new ConnectBenchmark(),
        new HardNatBenchmark(), new TcpRawBenchmark(), new FilesBenchmark(), new ForwardBenchmark(),
    ];

    public static Task<int> Main(string[] arguments) => arguments switch
    {
        // This program is the other process, too, wherever a benchmark needs one.
        [ServerProcess.Argument, var kind] => ServerProcess.RunAsync(bare: kind == "bare"),
        [PeerProcess.Server] => PeerProcess.RunServerAsync(),
        [PeerProcess.Callee, var server, var name, var transports] => PeerProcess.RunCalleeAsync(server, name, Enum.Parse<Transports>(transports)),
        [PeerProcess.Caller, var server, var target, var transports] => PeerProcess.RunCallerAsync(server, target, Enum.Parse<Transports>(transports)),
        [FilesProcess.Receiver, var server] => FilesProcess.RunReceiverAsync(server),
        [FilesProcess.Sender, var server] => FilesProcess.RunSenderAsync(server),
        [ForwardProcess.Far, var server] => ForwardProcess.RunFarAsync(server),
        [ForwardProcess.Near, var server] => ForwardProcess.RunNearAsync(server),
        [PipeProcess.Argument, var stunServer] => PipeProcess.RunAsync(stunServer),
        _ => RunAsync(arguments),
    };

    private static async Task<int> RunAsync(string[] arguments)
    {
        int rounds = 0;
        var chosen = new List<IBenchmark>();
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--list":
                    foreach (var benchmark in s_benchmarks) Console.WriteLine($"{benchmark.Name,-12} {benchmark.Summary}");
                    return 0;
                case "--rounds" when i + 1 < arguments.Length && int.TryParse(arguments[i + 1], CultureInfo.InvariantCulture, out rounds) && rounds > 0:
                    i++;
                    break;
                case "all":
                    chosen.AddRange(s_benchmarks);
                    break;
                default:
                    if (Array.Find(s_benchmarks, benchmark => benchmark.Name == arguments[i]) is not { } named) return Complain();
                    chosen.Add(named);
                    break;
            }
        }

        if (chosen.Count == 0) return Complain();
        foreach (var benchmark in chosen) Console.WriteLine(await benchmark.RunAsync(rounds).ConfigureAwait(false));
        return 0;
    }

    private static int Complain()
    {
        Console.Error.WriteLine("Usage: Porthole.Benchmarks [--list] [--rounds N] NAME... | all");
        return UsageError;
    }
}
