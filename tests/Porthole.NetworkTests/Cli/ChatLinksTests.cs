using Porthole.Cli.Chat;

namespace Porthole.NetworkTests.Cli;

/// <summary>Several connections between the same two peers.</summary>
public sealed class ChatLinksTests(CliServer server) : IClassFixture<CliServer>
{
    private const int Lines = 12;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_programs_that_have_two_connections_keep_the_same_one_and_hear_every_line_once_and_in_order(bool isLowFirst)
    {
        await using var one = await server.StartPeerAsync(server.NewName("ann"));
        await using var other = await server.StartPeerAsync(server.NewName("ben"));
        var (first, second) = (one.Id < other.Id) == isLowFirst ? (one, other) : (other, one);
        await using var here = new Side(first);
        await using var there = new Side(second);

        var old = here.Room.Add(await first.ConnectAsync(second.Name!, Token).WaitAsync(s_patience, Token));
        await here.UntilAsync(() => old.Ready.IsCompletedSuccessfully && there.Room.Everyone is [{ Ready.IsCompletedSuccessfully: true }]);
        await SayAsync(here, there, 0);
        var connecting = second.ConnectAsync(first.Name!, Token);
        await SayAsync(here, there, 1);
        var young = there.Room.Add(await connecting.WaitAsync(s_patience, Token));
        await SayAsync(here, there, 2);
        await here.UntilAsync(() => young.Ready.IsCompletedSuccessfully);
        await SayAsync(here, there, 3);
        await here.UntilAsync(() => here.Room.AllLinks.Length == 1 && there.Room.AllLinks.Length == 1);
        await SayAsync(here, there, 4);

        await AssertOneChatAsync(here, there, parts: 5);
        Assert.True(old.Connection.Closed.IsCompleted);
        Assert.Equal(young, Assert.Single(there.Room.AllLinks));
        await first.DisposeAsync();
        await there.UntilAsync(() => there.Seen.OfType<ChatEvent.Left>().Any());
        Assert.Empty(there.Room.AllLinks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connections_that_crossed_are_one_too_many_for_both_sides_alike(bool isLowFirst)
    {
        await using var one = await server.StartPeerAsync(server.NewName("ann"));
        await using var other = await server.StartPeerAsync(server.NewName("ben"));
        var (first, second) = (one.Id < other.Id) == isLowFirst ? (one, other) : (other, one);
        await using var here = new Side(first);
        await using var there = new Side(second);

        var late = await first.ConnectAsync(second.Name!, Token).WaitAsync(s_patience, Token);
        await here.UntilAsync(() => there.Room.AllLinks.Length == 1);
        var young = there.Room.Add(await second.ConnectAsync(first.Name!, Token).WaitAsync(s_patience, Token));
        await here.UntilAsync(() => young.Ready.IsCompletedSuccessfully && here.Room.Everyone is [{ Ready.IsCompletedSuccessfully: true }]);
        await SayAsync(here, there, 0);
        var old = here.Room.Add(late); // the newer one to this side, and the older one to the other
        await SayAsync(here, there, 1);
        await here.UntilAsync(() => old.Ready.IsCompletedSuccessfully);
        await SayAsync(here, there, 2);
        await here.UntilAsync(() => here.Room.AllLinks.Length == 1 && there.Room.AllLinks.Length == 1);
        await SayAsync(here, there, 3);

        await AssertOneChatAsync(here, there, parts: 4);
        Assert.Equal((isLowFirst, !isLowFirst), (here.Room.AllLinks.Contains(old), there.Room.AllLinks.Contains(young)));
    }

    [Fact]
    public async Task A_connection_that_is_one_too_many_carries_its_files_to_the_end()
    {
        await using var ann = await server.StartPeerAsync(server.NewName("ann"));
        await using var ben = await server.StartPeerAsync(server.NewName("ben"));
        await using var here = new Side(ann);
        await using var there = new Side(ben);
        var old = here.Room.Add(await ann.ConnectAsync(ben.Name!, Token).WaitAsync(s_patience, Token));
        await here.UntilAsync(() => old.Ready.IsCompletedSuccessfully && there.Room.Everyone is [{ Ready.IsCompletedSuccessfully: true }]);
        byte[] content = new byte[32 << 20];
        new Random(1).NextBytes(content);
        string path = Path.Combine(here.Folder, "content");
        await File.WriteAllBytesAsync(path, content, Token);

        var sending = here.Room.SendFileAsync(here.Room.Everyone, path);
        await here.UntilAsync(() => there.Seen.Any(static happened => happened is ChatEvent.File { News: FileNews.Progress }));
        there.Room.Add(await ben.ConnectAsync(ann.Name!, Token).WaitAsync(s_patience, Token));

        Assert.Equal(0, await sending.WaitAsync(s_patience, Token));
        await here.UntilAsync(() => here.Room.AllLinks.Length == 1 && there.Room.AllLinks.Length == 1);
        Assert.Single(there.Seen, static happened => happened is ChatEvent.File { News: FileNews.Received });
        Assert.DoesNotContain(here.Seen.Concat(there.Seen), static happened => happened is ChatEvent.Left or ChatEvent.Failed or ChatEvent.File { News: FileNews.Failed });
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(there.Folder, "content"), Token));
    }

    [Fact]
    public async Task Two_programs_of_one_identity_keep_a_connection_each()
    {
        await using var ann = await server.StartPeerAsync(server.NewName("ann"));
        await using var ben = await server.StartPeerAsync(server.NewName("ben"));
        await using var again = await PeerNode.StartAsync(ben.Options, Token);
        await using var here = new Side(ann);
        await using var there = new Side(ben);
        await using var elsewhere = new Side(again);
        foreach (var side in new[] { there, elsewhere })
        {
            var link = side.Room.Add(await side.Node.ConnectAsync(ann.Name!, Token).WaitAsync(s_patience, Token));
            await link.Ready.WaitAsync(s_patience, Token);
        }

        await here.UntilAsync(() => here.Room.Everyone.Count(static link => link.Ready.IsCompletedSuccessfully) == 2);
        await here.Room.SendAsync(here.Room.Everyone, "both of you");
        await here.UntilAsync(() => there.Heard.Length == 1 && elsewhere.Heard.Length == 1);
        Assert.Equal([ben.Name!, $"{ben.Name}~2"], here.Room.Everyone.Select(static link => link.Label));
        Assert.DoesNotContain(here.Room.AllLinks, static link => link.IsRetired);
    }

    private static async Task AssertOneChatAsync(Side here, Side there, int parts)
    {
        await here.UntilAsync(() => here.Heard.Length >= parts * Lines && there.Heard.Length >= parts * Lines);
        await Task.WhenAll(here.Room.AllLinks.Concat(there.Room.AllLinks).Select(static link => link.WaitDeliveredAsync(Token))).WaitAsync(s_patience, Token);
        foreach (var (side, remote) in new[] { (here, there.Node), (there, here.Node) })
        {
            Assert.Equal(Enumerable.Range(0, parts).SelectMany(static part => Enumerable.Range(0, Lines).Select(line => $"{part} {line}")), side.Heard);
            var link = Assert.Single(side.Room.AllLinks);
            Assert.Equal((remote.Id, remote.Name, 0), (link.Connection.RemotePeerId, link.Label, link.Undelivered));
            Assert.Single(side.Seen.OfType<ChatEvent.Connected>());
            Assert.DoesNotContain(side.Seen, static happened => happened is ChatEvent.Left or ChatEvent.Failed);
            Assert.All(side.Seen.OfType<ChatEvent.Sent>(), sent => Assert.Equal([remote.Name!], sent.Peers));
            Assert.Equal(parts * Lines, side.Seen.OfType<ChatEvent.Delivered>().Count());
        }
    }

    private static async Task SayAsync(Side here, Side there, int part)
    {
        for (int i = 0; i < Lines; i++)
        {
            foreach (var side in new[] { here, there })
            {
                await side.Room.SendAsync([Assert.Single(side.Room.Everyone)], $"{part} {i}");
                Assert.False(side.Room.HasRefused);
            }
        }
    }

    private sealed class Side : IChatView, IAsyncDisposable
    {
        private readonly Lock _gate = new();
        private readonly List<ChatEvent> _seen = [];
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Side(PeerNode node)
        {
            Node = node;
            Room = new ChatRoom(node, this, new ChatSettings([], null, AutoConnect: false, OpensToRoom: false, Json: true, Checks: false) { Downloads = Folder, AcceptsFiles = true });
            Room.Start();
        }

        public PeerNode Node { get; }

        public string Folder { get; } = Directory.CreateTempSubdirectory("porthole-chat").FullName;

        public ChatRoom Room { get; }

        public ChatEvent[] Seen
        {
            get
            {
                lock (_gate) return [.. _seen];
            }
        }

        public string[] Heard => [.. Seen.OfType<ChatEvent.Message>().Select(static message => message.Text)];

        public void Show(ChatEvent happened)
        {
            lock (_gate) _seen.Add(happened);
            Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }

        /// <summary>Looks again and again: not everything that is waited for is shown.</summary>
        public async Task UntilAsync(Func<bool> condition)
        {
            using var late = CancellationTokenSource.CreateLinkedTokenSource(Token);
            late.CancelAfter(s_patience);
            while (!condition())
            {
                await Task.WhenAny(Volatile.Read(ref _changed).Task, Task.Delay(20, late.Token));
                late.Token.ThrowIfCancellationRequested();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Room.CloseAsync();
            Directory.Delete(Folder, recursive: true);
        }
    }
}
