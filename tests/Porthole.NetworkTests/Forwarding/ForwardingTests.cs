using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Forwarding;

/// <summary>Programs that people use, through <c>porthole forward</c> and <c>porthole connect</c>, across two NATs.</summary>
public sealed class ForwardingTests(ForwardingLab lab) : IClassFixture<ForwardingLab>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [RootFact]
    public async Task Ssh_works_as_its_proxy_and_through_a_local_port()
    {
        SkipWithout("sshd", "ssh", "ssh-keygen");
        string key = Path.Combine(lab.Folder, "key"), hostKey = Path.Combine(lab.Folder, "host-key"), config = Path.Combine(lab.Folder, "sshd.conf");
        foreach (string file in (string[])[key, hostKey]) await lab.RunAsync(lab.Alice, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file);
        using var place = new SshdPlace();
        await File.WriteAllTextAsync(
            config,
            $"""
            Port {ForwardingLab.Ssh}
            ListenAddress 127.0.0.1
            HostKey {hostKey}
            AuthorizedKeysFile {key}.pub
            PermitRootLogin yes
            StrictModes no
            UsePAM no
            PidFile none

            """,
            Token);
        using var sshd = lab.Bob.Namespace.Start("/usr/sbin/sshd", ["-D", "-e", "-f", config]);
        await ListensAsync(lab.Bob, ForwardingLab.Ssh);
        string[] common = ["-F", "none", "-i", key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", $"UserKnownHostsFile={lab.Folder}/known_hosts", "-o", "LogLevel=ERROR"];
        string proxy = $"ProxyCommand={Programs.Porthole} connect bob:{ForwardingLab.Ssh} --server {lab.Server}";
        byte[] bytes = RandomNumberGenerator.GetBytes(2_000_000);
        string input = Path.Combine(lab.Folder, "input");
        await File.WriteAllTextAsync(input, Convert.ToHexString(bytes), Token);
        string expected = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Convert.ToHexString(bytes))));
        foreach (string[] way in (string[][])[["-o", proxy, "root@bob"], ["-p", $"{ForwardingLab.Ssh}", "root@127.0.0.1"]])
        {
            string said = await lab.RunAsync(lab.Alice, "/bin/sh", "-c", $"ssh {string.Join(' ', common.Concat(way).Select(static word => $"'{word}'"))} sha256sum < '{input}'");
            Assert.Contains(expected, said, StringComparison.Ordinal);
        }
    }

    [RootFact]
    public async Task Curl_carries_fifty_megabytes_both_ways()
    {
        SkipWithout("curl");
        byte[] body = RandomNumberGenerator.GetBytes(50_000_000);
        string file = Path.Combine(lab.Folder, "body"), came = Path.Combine(lab.Folder, "came");
        await File.WriteAllBytesAsync(file, body, Token);
        using var server = new TinyHttpServer(lab.Bob, ForwardingLab.Http, body);
        string url = $"http://127.0.0.1:{ForwardingLab.Http}/";
        await lab.RunAsync(lab.Alice, "curl", "-sS", "-o", came, url);
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(await File.ReadAllBytesAsync(came, Token)));
        Assert.Contains(Convert.ToHexString(SHA256.HashData(body)), await lab.RunAsync(lab.Alice, "curl", "-sS", "-T", file, url), StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Iperf3_loses_nothing_at_five_thousand_datagrams_a_second()
    {
        SkipWithout("iperf3");
        using var server = lab.Bob.Namespace.Start("iperf3", ["-s", "-B", "127.0.0.1", "-p", $"{ForwardingLab.Iperf}"]);
        await ListensAsync(lab.Bob, ForwardingLab.Iperf);
        const int Rate = 5_000, Size = 1_200, Seconds = 3;
        string report = "";
        for (int attempt = 0; attempt < 3; attempt++) // on a machine with more to do than it can, one of them may be late
        {
            report = await lab.RunAsync(
                lab.Alice, "iperf3", "-c", "127.0.0.1", "-p", $"{ForwardingLab.Iperf}", "-u", "-l", $"{Size}", "-b", $"{8 * Size * Rate}", "-t", $"{Seconds}", "-J");
            var sum = JsonNode.Parse(report)!["end"]!["sum"]!;
            if ((int)sum["lost_packets"]! == 0 && (int)sum["packets"]! >= 0.9 * Rate * Seconds) return;
        }

        Assert.Fail(report);
    }

    [RootFact]
    public async Task A_redis_client_sends_ten_thousand_commands_at_once()
    {
        SkipWithout("redis-server", "redis-cli");
        using var server = lab.Bob.Namespace.Start(
            "redis-server", ["--port", $"{ForwardingLab.Redis}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", lab.Folder]);
        await ListensAsync(lab.Bob, ForwardingLab.Redis);
        const int Count = 10_000;
        string commands = Path.Combine(lab.Folder, "commands");
        await File.WriteAllLinesAsync(commands, Enumerable.Range(0, Count).Select(static i => $"SET key:{i} {i * i}\r\nGET key:{i}\r"), Token);
        string port = $"{ForwardingLab.Redis}";
        string said = await lab.RunAsync(lab.Alice, "/bin/sh", "-c", $"redis-cli -p {port} --pipe < '{commands}'");
        Assert.Contains($"errors: 0, replies: {2 * Count}", said, StringComparison.Ordinal);
        Assert.Contains($"{Count}", await lab.RunAsync(lab.Alice, "redis-cli", "-p", port, "DBSIZE"), StringComparison.Ordinal);
        Assert.Contains("99980001", await lab.RunAsync(lab.Alice, "redis-cli", "-p", port, "GET", "key:9999"), StringComparison.Ordinal);
    }

    [RootFact]
    public async Task A_sharer_that_was_killed_and_came_back_is_found_by_who_connects_next()
    {
        SkipWithout("curl");
        using var server = new TinyHttpServer(lab.Bob, ForwardingLab.Http, "here"u8.ToArray());
        string url = $"http://127.0.0.1:{ForwardingLab.Http}/";
        Assert.Equal("here", await lab.RunAsync(lab.Alice, "curl", "-sS", url));
        await lab.RestartSharerAsync();
        Assert.Contains("here", await lab.RunAsync(lab.Alice, "curl", "-s", "--retry", "20", "--retry-delay", "1", "--retry-all-errors", url), StringComparison.Ordinal);
    }

    private static void SkipWithout(params string[] programs)
    {
        foreach (string program in programs)
        {
            Assert.SkipUnless(File.Exists($"/usr/bin/{program}") || File.Exists($"/usr/sbin/{program}"), $"{program} is not installed.");
        }
    }

    /// <summary>Waits until a program listens on a port of its own host.</summary>
    private static async Task ListensAsync(KernelHost host, int port)
    {
        var until = DateTime.UtcNow + ForwardingLab.Limit;
        string listens = $":{port:X4} ";
        while (!host.Namespace.Run("cat", "/proc/net/tcp").Split('\n').Any(line => line.Contains(listens, StringComparison.Ordinal) && line.Contains(" 0A ", StringComparison.Ordinal)))
        {
            Assert.True(DateTime.UtcNow < until, $"Nobody listens on {port}.");
            await Task.Delay(50, Token);
        }
    }
}
