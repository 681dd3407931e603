using System.Net;
using System.Net.Sockets;

namespace Porthole.NetworkTests.Cli;

/// <summary>Every bad input is one line on standard error and an exit code of its own.</summary>
public sealed class BadInputTests(CliServer server) : IClassFixture<CliServer>
{
    [Theory]
    [InlineData("ping")]
    [InlineData("ping bob --count many")]
    [InlineData("ping bob --interval -1")]
    [InlineData("ping bo|b")]
    [InlineData("ping bob --as al|ice")]
    [InlineData("ping bob --port 70000")]
    [InlineData("ping bob --server ftp://example.org")]
    [InlineData("ping bob --log-level loud")]
    [InlineData("ping bob")]
    [InlineData("ping bob --transport smoke")]
    [InlineData("chat --transport both")]
    [InlineData("peers --server 127.0.0.1 --room \U0001F600")]
    [InlineData("listen --prefer relay")]
    [InlineData("ping bob --transport tcp --prefer udp")]
    [InlineData("check --transport tcp")]
    [InlineData("listen --accept everyone")]
    [InlineData("listen --accept ask --server 127.0.0.1")]
    [InlineData("chat --connect @")]
    [InlineData("server --ip localhost")]
    [InlineData("meet 7K2QD")]
    [InlineData("meet 7K2QD-M4TX-9WCB-J6RP0 --server 127.0.0.1")]
    [InlineData("meet --new 7K2QD-M4TX-9WCB-J6RPG --server 127.0.0.1")]
    [InlineData("meet --new")]
    [InlineData("meet --wait-direct soon --server 127.0.0.1")]
    [InlineData("lab nat --inside 10.0.0.1:1 --outside 127.0.0.1")]
    [InlineData("lab probe --profile soft")]
    [InlineData("lab population --mix 60/30/20")]
    [InlineData("lab population --transport tcp")]
    [InlineData("lab population --pairs 0")]
    [InlineData("pong")]
    [InlineData("ping bob --cuont 5")]
    [InlineData("share 22 --onyl bob:22")]
    [InlineData("forward 2222 bob:22 -v")]
    public async Task A_malformed_command_line_ends_with_2(string line) =>
        (await CliProcess.RunAsync(server.NewHome(), line.Split(' '))).AssertEnded(2);

    [Theory]
    [InlineData("lab grid --hard --seeds 10000")]
    [InlineData("lab population --pairs 1000000")]
    public async Task A_document_without_a_place_for_the_tables_ends_with_32_before_the_work_begins(string line)
    {
        string document = Path.Combine(Directory.CreateTempSubdirectory("porthole-").FullName, "page.md");
        await File.WriteAllTextAsync(document, "# A page\n", TestContext.Current.CancellationToken);
        (await CliProcess.RunAsync(server.NewHome(), [.. line.Split(' '), "--write", document])).AssertEnded(32);
        Assert.Equal("# A page\n", await File.ReadAllTextAsync(document, TestContext.Current.CancellationToken));
        Directory.Delete(Path.GetDirectoryName(document)!, recursive: true);
    }

    [Fact]
    public async Task An_unknown_peer_ends_with_10() => (await PingAsync(server.NewName("nobody"))).AssertEnded(10);

    [Fact]
    public async Task A_peer_that_is_offline_ends_with_11()
    {
        string bob = server.NewName("bob");
        await (await server.ListenAsync(bob)).DisposeAsync();
        (await PingAsync(bob)).AssertEnded(11);
    }

    [Fact]
    public async Task A_peer_that_takes_known_callers_only_refuses_others_with_12()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob, "--accept", "known");
        (await PingAsync(bob)).AssertEnded(12);
    }

    [Fact]
    public async Task A_known_peer_whose_key_has_changed_ends_with_13()
    {
        string bob = server.NewName("bob"), home = server.NewHome();
        await using var listener = await server.ListenAsync(bob);
        (await PingAsync(bob, home)).AssertEnded(0);
        var other = (await CliProcess.RunAsync(home, "id", "--as", "other", "--json")).Events[0];
        string file = Path.Combine(home, "porthole", "known_peers");
        var lines = (await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken)).Select(line =>
        {
            string[] words = line.Split(' ');
            return words[0] == bob ? $"{bob} {other["peerId"]} {other["key"]} {words[3]} {words[4]}" : line;
        });
        await File.WriteAllLinesAsync(file, lines, TestContext.Current.CancellationToken);
        (await PingAsync(bob, home)).AssertEnded(13);
    }

    [Fact]
    public async Task A_peer_without_the_id_that_was_asked_for_ends_with_14()
    {
        string bob = server.NewName("bob"), home = server.NewHome();
        await using var listener = await server.ListenAsync(bob);
        string other = (string)(await CliProcess.RunAsync(home, "id", "--as", "other", "--json")).Events[0]["peerId"]!;
        (await PingAsync($"{bob}@{other}", home)).AssertEnded(14);
    }

    [Fact]
    public async Task A_name_of_another_key_ends_with_20()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob);
        (await CliProcess.RunAsync(server.NewHome(), "listen", "--as", bob, "--server", server.Address)).AssertEnded(20);
    }

    [Fact]
    public async Task A_wrong_token_ends_with_21()
    {
        (await CliProcess.RunAsync(server.NewHome(), "peers", "--server", server.TokenAddress)).AssertEnded(21);
        (await CliProcess.RunAsync(server.NewHome(), "peers", "--server", server.TokenAddress, "--token", "wrong")).AssertEnded(21);
        Assert.Equal(0, (await CliProcess.RunAsync(server.NewHome(), "peers", "--server", server.TokenAddress, "--token", CliServer.Token)).ExitCode);
    }

    [Fact]
    public async Task A_server_that_is_not_there_ends_with_22()
    {
        (await CliProcess.RunAsync(server.NewHome(), "peers", "--server", $"http://{server.Block[9].Address}:9")).AssertEnded(22);
        (await CliProcess.RunAsync(server.NewHome(), "peers", "--server", "http://no-such-host.invalid")).AssertEnded(22);
    }

    [Fact]
    public async Task A_server_with_another_key_than_the_pinned_one_ends_with_23()
    {
        string home = server.NewHome();
        string key = (string)(await CliProcess.RunAsync(home, "id", "--json")).Events[0]["key"]!;
        (await CliProcess.RunAsync(home, "peers", "--server", $"porthole://{server.Authority}#{key}")).AssertEnded(23);
    }

    [Fact]
    public async Task A_web_server_that_is_no_porthole_ends_with_24()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = AnswerAsync(listener, TestContext.Current.CancellationToken);
        (await CliProcess.RunAsync(server.NewHome(), "peers", "--server", $"http://{listener.LocalEndpoint}")).AssertEnded(24);
        listener.Stop();
        await answering;
    }

    [Fact]
    public async Task A_server_whose_UDP_is_closed_ends_a_check_with_25()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(server.Block[20].Address, 0)); // a gateway that swallows everything
        var result = await CliProcess.RunAsync(server.NewHome(), "check", "--server", server.Address, "--json", "--lab-network", $"{server.Block[21].Address}@{silent.LocalEndPoint}");
        result.AssertEnded(25);
        Assert.Equal("blocked", (string)result.Events[0]["mapping"]!);
        Assert.False((bool)result.Events[0]["udpReachable"]!);
    }

    [Fact]
    public async Task A_port_that_was_asked_for_and_is_taken_ends_with_30_and_the_usual_one_is_replaced()
    {
        using var taken = CliServer.TakePort(out int port);
        string text = port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        (await CliProcess.RunAsync(server.NewHome(), "check", "--server", server.Address, "--port", text)).AssertEnded(30);
        string host = server.Address.Split('/', ':')[3], tcp = server.Address.Split(':')[^1];
        (await CliProcess.RunAsync(server.NewHome(), "server", "--ip", host, "--port", tcp, "--in-memory")).AssertEnded(30);
        await using var second = CliProcess.Start(server.NewHome(), "server", "--ip", host, "--in-memory", "--json");
        Assert.NotEqual(server.Address, (string)(await second.EventAsync("listening"))["http"]!);
    }

    [Fact]
    public async Task A_local_address_that_is_not_this_hosts_ends_with_31()
    {
        (await CliProcess.RunAsync(server.NewHome(), "check", "--server", server.Address, "--ip", "203.0.113.250")).AssertEnded(31);
        (await CliProcess.RunAsync(server.NewHome(), "server", "--ip", "203.0.113.250", "--in-memory")).AssertEnded(31);
    }

    [Fact]
    public async Task An_identity_file_that_is_none_ends_with_32()
    {
        string file = Path.Combine(server.NewHome(), "key");
        await File.WriteAllTextAsync(file, "not a key\n", TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await CliProcess.RunAsync(server.NewHome(), "id", "--identity", file)).AssertEnded(32);
    }

    [Fact]
    public async Task A_call_to_oneself_is_told_so()
    {
        string alice = server.NewName("alice");
        var result = await CliProcess.RunAsync(server.NewHome(), "ping", alice, "--as", alice, "--server", server.Address);
        result.AssertEnded(2);
        Assert.Contains("this peer itself", result.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_help_lists_every_exit_code()
    {
        var result = await CliProcess.RunAsync(server.NewHome(), "--help");
        result.AssertEnded(0);
        Assert.All((string[])["  0 ", "  3 ", " 13 ", " 25 ", "130 "], code => Assert.Contains(result.Output, line => line.StartsWith("  " + code, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("ping", "--transport")]
    [InlineData("chat", "--auto-connect")]
    [InlineData("server", "--public-presence")]
    public async Task The_help_of_a_command_needs_no_arguments_and_lists_its_options(string command, string option)
    {
        var result = await CliProcess.RunAsync(server.NewHome(), command, "--help");
        result.AssertEnded(0);
        Assert.Contains(result.Output, line => line.TrimStart().StartsWith(option, StringComparison.Ordinal));
    }

    private Task<CliResult> PingAsync(string whom, string? home = null) =>
        CliProcess.RunAsync(home ?? server.NewHome(), "ping", whom, "--server", server.Address, "--count", "1", "--json");

    private static async Task AnswerAsync(TcpListener listener, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(cancellationToken);
                using var request = new StreamReader(client.GetStream());
                while (await request.ReadLineAsync(cancellationToken) is { Length: > 0 })
                {
                    // What is not read before the end makes a reset of it, and nobody sees the answer.
                }

                await client.GetStream().WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), cancellationToken);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException or IOException)
        {
            // The test is over.
        }
    }
}
