using System.Net;
using System.Net.Sockets;
using Porthole.Cli.Check;

namespace Porthole.NetworkTests.Cli.Check;

/// <summary><c>porthole check --stun</c>: any STUN server will do, and what is none is told apart.</summary>
public sealed class StunCheckTests(CliServer server) : IClassFixture<CliServer>
{
    private string Host => server.Authority.Split(':')[0];

    [Fact]
    public async Task A_check_needs_no_server_but_a_STUN_server()
    {
        var result = await CliProcess.RunAsync(server.NewHome(), "check", "--stun", $"{Host}:3478", $"{server.Block[2].Address}", "--json");
        result.AssertEnded(0);
        var check = Assert.Single(result.Events);
        Assert.Equal("EIM", (string)check["mapping"]!);
        Assert.True((bool)check["udpReachable"]!);
        Assert.Null(check["tcp"]);
        Assert.Equal($"{Host}:3478, {server.Block[2].Address}", (string)check["server"]!);
    }

    [Fact]
    public async Task A_name_that_is_none_ends_with_22() => (await CheckAsync("no-such-host.invalid")).AssertEnded(22);

    [Fact]
    public async Task A_port_where_nothing_listens_ends_with_22()
    {
        (await CheckAsync($"{server.Block[30].Address}:9")).AssertEnded(22);
    }

    [Fact]
    public async Task Something_else_that_answers_ends_with_24()
    {
        using var other = Bind(out string address);
        var echoing = EchoAsync(other);
        (await CheckAsync(address)).AssertEnded(24);
        other.Close();
        await echoing;
    }

    [Fact]
    public async Task Silence_ends_with_25()
    {
        using var silent = Bind(out string address);
        (await CheckAsync(address)).AssertEnded(25);
    }

    [Theory]
    [InlineData("check --stun")]
    [InlineData("check --stun host:0")]
    [InlineData("check --stun host:70000")]
    [InlineData("check --stun ho|st")]
    [InlineData("check --stun 127.0.0.1 --server 127.0.0.1")]
    [InlineData("check --stun 127.0.0.1 --token sesame")]
    [InlineData("check --stun a b c d e f g h i")]
    [InlineData("ping bob --stun 127.0.0.1")]
    public async Task A_malformed_command_line_ends_with_2(string line) => (await CliProcess.RunAsync(server.NewHome(), line.Split(' '))).AssertEnded(2);

    [Theory]
    [InlineData("stun.example.org", "stun.example.org", 3478)]
    [InlineData("stun.example.org:19302", "stun.example.org", 19302)]
    [InlineData("192.0.2.1:1", "192.0.2.1", 1)]
    [InlineData("2001:db8::1", "2001:db8::1", 3478)]
    [InlineData("[2001:db8::1]", "2001:db8::1", 3478)]
    [InlineData("[2001:db8::1]:5000", "2001:db8::1", 5000)]
    public void Servers_are_written_as_elsewhere(string text, string host, int port)
    {
        Assert.True(StunCheck.TryParse(text, out string readHost, out ushort readPort));
        Assert.Equal((host, port), (readHost, readPort));
    }

    [Theory]
    [InlineData("")]
    [InlineData(":3478")]
    [InlineData("host:")]
    [InlineData("host:-1")]
    [InlineData("host:65536")]
    [InlineData("[host]:x")]
    [InlineData("a b")]
    public void What_is_no_server_is_not_read(string text) => Assert.False(StunCheck.TryParse(text, out _, out _));

    private Task<CliResult> CheckAsync(string stun) => CliProcess.RunAsync(server.NewHome(), "check", "--stun", stun, "--json");

    private Socket Bind(out string address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(server.Block[30].Address, 0));
        address = socket.LocalEndPoint!.ToString()!;
        return socket;
    }

    private static async Task EchoAsync(Socket socket)
    {
        byte[] bytes = new byte[2_048];
        try
        {
            while (true)
            {
                var from = await socket.ReceiveFromAsync(bytes, new IPEndPoint(IPAddress.Any, 0));
                await socket.SendToAsync("hello"u8.ToArray(), from.RemoteEndPoint);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
