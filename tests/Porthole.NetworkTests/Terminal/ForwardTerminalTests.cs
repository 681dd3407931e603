using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Porthole.NetworkTests.Cli;

namespace Porthole.NetworkTests.Terminal;

/// <summary>A forwarded port as a person sees it, in a real pseudo-terminal.</summary>
public sealed class ForwardTerminalTests(CliServer server) : IClassFixture<CliServer>
{
    [TmuxFact]
    public async Task Somebody_is_asked_and_the_local_port_leads_to_the_other_side()
    {
        string sueName = server.NewName("sue"), fredName = server.NewName("fred");
        using var service = new TcpListener(IPAddress.Loopback, 0);
        service.Start();
        int port = ((IPEndPoint)service.LocalEndpoint).Port;
        var local = new IPEndPoint(server.Block[40].Address, 8080); // nobody else's: a port of the system's choice may be taken by the time it is used
        await using var sue = await TmuxTerminal.StartWideAsync(server.NewHome(), "share", Text(port), "--as", sueName, "--server", server.Address);
        await sue.LineAsync($"Sharing {port} with everyone who is let in.");
        await using var fred = await TmuxTerminal.StartWideAsync(server.NewHome(), "forward", $"{local}", $"{sueName}:{port}", "--as", fredName, "--server", server.Address);
        await fred.LineAsync($"{local} leads to {port} of {sueName}.");
        await sue.LineAsync("wants to reach what you share. Accept? [y/N]");
        await sue.EnterAsync("y");
        await fred.LineAsync(line => line.StartsWith(sueName, StringComparison.Ordinal) && line.Contains("direct by ", StringComparison.Ordinal), "the direct path");

        using var client = new TcpClient();
        await client.ConnectAsync(local, TestContext.Current.CancellationToken);
        using var served = await service.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        byte[] buffer = "over and back"u8.ToArray();
        await client.GetStream().WriteAsync(buffer, TestContext.Current.CancellationToken);
        byte[] heard = new byte[buffer.Length];
        await served.GetStream().ReadExactlyAsync(heard, TestContext.Current.CancellationToken);
        Assert.Equal(buffer, heard);

        await fred.PressAsync("C-c");
        await fred.LineAsync(static line => line.StartsWith("Pane is dead (status 0", StringComparison.Ordinal), "an end without complaint");
        await sue.LineAsync($"{fredName} is gone");
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
