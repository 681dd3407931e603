using System.Globalization;
using Porthole.Benchmarks.Harness;
using Porthole.Lab.Kernel;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// A big file, and a folder of many small ones, over the direct path between two port-restricted NATs of the kernel; against <c>tar c | nc</c> and <c>nc | tar x</c> over a plain TCP connection through the same two, for which one of
/// them forwards a port. Timed is from the command until the sender knows that all of it is there.
/// </summary>
internal sealed class FilesBenchmark : IBenchmark
{
    private const int DefaultRounds = 5;

    private const long BigBytes = 1_000_000_000;

    private const int SmallFiles = 10_000;

    private const int SmallBytes = 4_000;

    private const int FilesPerFolder = 100;

    private const int ForwardedPort = 9_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    public string Name => "files";

    public string Summary => "a big file and 10,000 small ones through two kernel NATs; against tar over plain TCP through the same (needs root)";

    public async Task<string> RunAsync(int rounds)
    {
        if (!KernelLab.IsSupported(out string reason)) return $"### Files\n\nNot run: {reason}\n";
        string folder = Directory.CreateTempSubdirectory("porthole-bench").FullName;
        try
        {
            return await RunAsync(folder, rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> RunAsync(string folder, int rounds)
    {
        string big = Path.Combine(folder, "big"), small = Path.Combine(folder, "small");
        WriteBig(big);
        WriteSmall(small);
        using var lab = new KernelLab(ipv6: false);
        string server = $"http://{lab.Server.Address}:8848";
        await StartAsync(lab.Server, PeerProcess.Server).ConfigureAwait(false);
        var farSite = lab.AddSite(KernelNatKind.PortRestricted);
        var farHost = farSite.AddHost("far");
        farSite.Router.LoadRules(
            $$"""
            table ip forwarded {
              chain prerouting {
                type nat hook prerouting priority dstnat
                tcp dport {{ForwardedPort}} dnat to {{farHost.Address}}
              }
            }
            """);
        var far = await StartAsync(farHost, FilesProcess.Receiver, server).ConfigureAwait(false);
        var near = await StartAsync(lab.AddSite(KernelNatKind.PortRestricted).AddHost("near"), FilesProcess.Sender, server).ConfigureAwait(false);
        string plain = $"{farSite.PublicAddress}:{ForwardedPort}";
        return await CompareAsync("One file of 1 GB", "MB/s", BigBytes / 1e6, big).ConfigureAwait(false) + "\n"
            + await CompareAsync($"{SmallFiles:N0} files of {SmallBytes:N0} bytes in {SmallFiles / FilesPerFolder} folders", "files/s", SmallFiles, small).ConfigureAwait(false);

        Task<string> CompareAsync(string title, string unit, double amount, string path)
        {
            int number = 0;
            return new Comparison(
                $"{title}, port-restricted × port-restricted, between processes",
                unit,
                new Contender("tar over plain TCP through a forwarded port", () => RunAsync($"{FilesProcess.TarReceive} {ForwardedPort}", $"{FilesProcess.TarSend} {plain}")),
                new Contender("Porthole over the punched path", () => RunAsync(FilesProcess.Receive, FilesProcess.Send))).RunAsync(rounds);

            async Task<Sample> RunAsync(string receive, string send)
            {
                string target = Directory.CreateDirectory(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"target-{++number}"))).FullName;
                await TellAsync(far, $"{receive} {target}", FilesProcess.Ready).ConfigureAwait(false);
                string answer = await TellAsync(near, $"{send} {path}", FilesProcess.Done).ConfigureAwait(false);
                await AnswerAsync(far, FilesProcess.Done).ConfigureAwait(false);
                Directory.Delete(target, recursive: true);
                return new Sample(amount / double.Parse(answer.Split(' ')[1], CultureInfo.InvariantCulture));
            }
        }
    }

    private static async Task<NamespaceProcess> StartAsync(KernelHost host, params string[] arguments)
    {
        var process = host.Namespace.Start(Environment.ProcessPath!, arguments);
        await AnswerAsync(process, FilesProcess.Ready).ConfigureAwait(false);
        return process;
    }

    private static async Task<string> TellAsync(NamespaceProcess end, string command, string answer)
    {
        await end.Input.WriteLineAsync(command).ConfigureAwait(false);
        await end.Input.FlushAsync().ConfigureAwait(false);
        return await AnswerAsync(end, answer).ConfigureAwait(false);
    }

    private static Task<string> AnswerAsync(NamespaceProcess end, string answer) =>
        end.WaitForLineAsync(line => line.Split(' ')[0] == answer, s_patience, CancellationToken.None);

    /// <summary>What does not shrink and is not the same twice.</summary>
    private static void WriteBig(string path)
    {
        byte[] block = new byte[1_000_000];
        var random = new Random(1);
        using var file = File.Create(path);
        for (long at = 0; at < BigBytes; at += block.Length)
        {
            random.NextBytes(block);
            file.Write(block);
        }
    }

    private static void WriteSmall(string folder)
    {
        byte[] content = new byte[SmallBytes];
        var random = new Random(2);
        for (int i = 0; i < SmallFiles; i++)
        {
            string within = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i / FilesPerFolder:000}"));
            if (i % FilesPerFolder == 0) Directory.CreateDirectory(within);
            random.NextBytes(content);
            File.WriteAllBytes(Path.Combine(within, string.Create(CultureInfo.InvariantCulture, $"{i}.bin")), content);
        }
    }
}
