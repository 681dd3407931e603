using System.Collections.Concurrent;
using Porthole.Cli;
using Porthole.Protocol.Peer;

namespace Porthole.NetworkTests.Cli;

/// <summary>The path of a connection is told whenever it comes up, also before anybody listens.</summary>
public sealed class PathNewsTests(CliServer server) : IClassFixture<CliServer>
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_path_that_becomes_direct_while_the_first_is_written_is_told(bool json)
    {
        var (bob, alice) = (await server.StartPeerAsync(server.NewName("bob")), await server.StartPeerAsync(server.NewName("alice")));
        await using (bob)
        await using (alice)
        {
            await using var connection = await alice.ConnectAsync(bob.Name!, TestContext.Current.CancellationToken);
            ConnectionPath? first = null;
            var moved = new ConcurrentQueue<ConnectionPath>();
            PathNews.Follow(connection, json, Write, moved.Enqueue);
            if (json) Assert.Contains(moved, static path => path.IsDirect);
            else Assert.True(moved.LastOrDefault(first!).IsDirect);
            Assert.Distinct(moved);

            void Write(ConnectionPath path)
            {
                first = path;
                SpinWait.SpinUntil(() => connection.Path.IsDirect, s_limit);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_path_that_is_direct_already_is_an_event_for_programs_and_told_to_people_with_the_connection(bool json)
    {
        var (bob, alice) = (await server.StartPeerAsync(server.NewName("bob")), await server.StartPeerAsync(server.NewName("alice")));
        await using (bob)
        await using (alice)
        {
            await using var connection = await alice.ConnectAsync(bob.Name!, TestContext.Current.CancellationToken);
            await connection.WaitForDirectAsync(s_limit, TestContext.Current.CancellationToken);
            var told = new ConcurrentQueue<ConnectionPath>();
            var moved = new ConcurrentQueue<ConnectionPath>();
            PathNews.Follow(connection, json, told.Enqueue, moved.Enqueue);
            var path = Assert.Single(told);
            Assert.True(path.IsDirect);
            if (json) Assert.True(moved.First().IsDirect);
            else Assert.DoesNotContain(path, moved); // a better one may follow at any time
        }
    }
}
