using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests;

/// <summary>Alone, because it counts the threads and descriptors of the whole process.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class Alone;

[Collection<Alone>]
public sealed class LeakTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Nodes_that_are_closed_leave_no_thread_and_no_socket_behind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads and descriptors are counted in /proc.");
        await RunAsync(); // what is opened once and kept
        int before = Sockets();
        for (int i = 0; i < 3; i++) await RunAsync();

        // The web server and the thread pool let go a little later.
        var until = DateTime.UtcNow + s_patience;
        while ((Threads() > 0 || Sockets() > before) && DateTime.UtcNow < until) await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.Equal(0, Threads());
        Assert.True(Sockets() <= before, $"{Sockets()} sockets, {before} before.");
    }

    private static async Task RunAsync()
    {
        var token = TestContext.Current.CancellationToken;
        await using var server = await LoopbackServer.StartAsync();
        await using var bob = await PeerNode.StartAsync(LoopbackOptions.At(server.Address, "bob", AcceptPolicy.Anyone), token);
        await using var alice = await PeerNode.StartAsync(LoopbackOptions.At(server.Address, "alice"), token);
        var connection = await alice.ConnectAsync("bob", token).WaitAsync(s_patience, token);
        await connection.WaitForDirectAsync(s_patience, token);
        _ = await bob.AcceptAsync(token);
    }

    private static int Threads() => OwnProcess.Threads("porthole");

    private static int Sockets() => OwnProcess.Sockets();
}
