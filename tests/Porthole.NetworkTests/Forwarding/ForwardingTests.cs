using System.Security.Cryptography;
using System.Text;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Forwarding;

/// <summary>Programs that people use, through <c>porthole forward</c> and <c>porthole connect</c>, across two NATs.</summary>
public sealed class ForwardingTests(ForwardingLab lab) : IClassFixture<ForwardingLab>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [RootFact]
    public async Task Ssh_works_as_its_proxy_and_through_a_local_port()
    {
        ForwardingLab.SkipWithout("sshd", "ssh", "ssh-keygen");
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
        await ForwardingLab.ListensAsync(lab.Bob, ForwardingLab.Ssh);
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
        ForwardingLab.SkipWithout("curl");
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
    public async Task A_redis_client_sends_ten_thousand_commands_at_once()
    {
        ForwardingLab.SkipWithout("redis-server", "redis-cli");
        using var server = lab.Bob.Namespace.Start(
            "redis-server", ["--port", $"{ForwardingLab.Redis}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", lab.Folder]);
        await ForwardingLab.ListensAsync(lab.Bob, ForwardingLab.Redis);
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
        ForwardingLab.SkipWithout("curl");
        using var server = new TinyHttpServer(lab.Bob, ForwardingLab.Http, "here"u8.ToArray());
        string url = $"http://127.0.0.1:{ForwardingLab.Http}/";
        Assert.Equal("here", await lab.RunAsync(lab.Alice, "curl", "-sS", url));
        await lab.RestartSharerAsync();
        Assert.Contains("here", await lab.RunAsync(lab.Alice, "curl", "-s", "--retry", "20", "--retry-delay", "1", "--retry-all-errors", url), StringComparison.Ordinal);
    }
}
