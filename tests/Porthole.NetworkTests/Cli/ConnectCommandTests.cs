using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Porthole.NetworkTests.Cli;

/// <summary>The ends of <c>porthole connect</c>: each direction has its own, and what is cut does not look like one.</summary>
public sealed class ConnectCommandTests(CliServer server) : IClassFixture<CliServer>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_upload_goes_on_when_the_target_has_said_all_and_who_reads_the_output_learns_of_that()
    {
        await using var place = await StartAsync();
        using var target = await place.Listener.AcceptSocketAsync(Token).AsTask().WaitAsync(s_patience, Token);
        await place.Connect.Input.WriteLineAsync("the first line");
        target.Shutdown(SocketShutdown.Send);
        await place.Connect.OutputEndAsync(); // the program goes on: its input is open
        string rest = new('x', 8_000_000);
        var writing = Task.Run(async () =>
        {
            await place.Connect.Input.WriteAsync(rest);
            place.Connect.Input.Close();
        }, Token);
        var came = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        while (await target.ReceiveAsync(buffer, Token).AsTask().WaitAsync(s_patience, Token) is var count and > 0) came.Write(buffer.AsSpan(0, count));
        Assert.Equal("the first line\n" + rest, Encoding.ASCII.GetString(came.ToArray()));
        await writing;
        (await place.Connect.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task A_target_that_resets_the_connection_after_its_end_ends_an_upload_as_a_failure()
    {
        await using var place = await StartAsync();
        using var target = await place.Listener.AcceptSocketAsync(Token).AsTask().WaitAsync(s_patience, Token);
        await place.Connect.Input.WriteLineAsync("the first line");
        Assert.True(await target.ReceiveAsync(new byte[100], Token).AsTask().WaitAsync(s_patience, Token) > 0); // else this line would meet the reset
        target.Shutdown(SocketShutdown.Send);
        await place.Connect.OutputEndAsync();
        target.Close(0);
        await place.Connect.Input.WriteLineAsync("more");
        (await place.Connect.EndAsync()).AssertEnded(18);
    }

    [Fact]
    public async Task An_upload_that_is_stopped_is_a_reset_at_the_target()
    {
        await using var place = await StartAsync();
        using var target = await place.Listener.AcceptSocketAsync(Token).AsTask().WaitAsync(s_patience, Token);
        await place.Connect.Input.WriteLineAsync("the first line");
        byte[] buffer = new byte[100];
        Assert.True(await target.ReceiveAsync(buffer, Token).AsTask().WaitAsync(s_patience, Token) > 0);
        place.Connect.Interrupt();
        var exception = await Assert.ThrowsAsync<SocketException>(() => target.ReceiveAsync(buffer, Token).AsTask().WaitAsync(s_patience, Token));
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        Assert.Equal(130, (await place.Connect.EndAsync()).ExitCode);
    }

    private async Task<Place> StartAsync()
    {
        string bobName = server.NewName("bob");
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var share = CliProcess.Start(server.NewHome(), "share", $"{port}", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--json");
        await share.EventAsync("listening");
        return new Place(listener, share, CliProcess.Start(server.NewHome(), "connect", $"{bobName}:{port}", "--as", server.NewName("alice"), "--server", server.Address));
    }

    private sealed record Place(TcpListener Listener, CliProcess Share, CliProcess Connect) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Connect.DisposeAsync();
            await Share.DisposeAsync();
            Listener.Dispose();
        }
    }
}
