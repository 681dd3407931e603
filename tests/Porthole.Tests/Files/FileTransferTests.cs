using System.Security.Cryptography;
using Porthole.Files;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests.Files;

/// <summary>Files over real connections of two peers on loopback: as they come, those that end in the middle, and peers that do something else.</summary>
public sealed class FileTransferTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    private readonly TempFolder _folder = new();
    private LoopbackPeers _peers = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _peers = await LoopbackPeers.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _peers.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_file_and_a_folder_arrive_as_they_were_sent()
    {
        byte[] bytes = new byte[3_000_000];
        new Random(1).NextBytes(bytes);
        string file = _folder.Write("out/big.bin", bytes), folder = _folder.PathOf("out/photos");
        _folder.Write("out/photos/sub/grüße.txt", "hello"u8.ToArray());
        _folder.Write("out/photos/empty.txt", []);
        Directory.CreateDirectory(_folder.PathOf("out/photos/nothing here"));

        var bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await _peers.StartAsync("alice");
        var calling = alice.ConnectAsync("bob", Token);
        var here = await bob.AcceptAsync(Token).AsTask().WaitAsync(s_patience, Token);
        var there = await calling.WaitAsync(s_patience, Token);
        var seen = new List<FileTransferEvent>();
        var sending = new FileSender([file, folder]).SendAsync(there, Token);
        var stream = await here.AcceptStreamAsync(Token);
        Assert.Equal(StreamPreamble.Files, await stream.ReadProtocolAsync(Token));
        var received = await new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Observer = seen.Add }).ReceiveAsync(here, stream, Token).WaitAsync(s_patience, Token);
        var sent = await sending.WaitAsync(s_patience, Token);

        Assert.Equal((3, 3_000_005L, 0L, 0), (sent.Files, sent.Bytes, sent.Resent, sent.Skipped));
        Assert.Equal(3_000_005, received.Bytes);
        Assert.Equal(["big.bin", "photos"], received.Roots.Select(root => Path.GetFileName(root.Path)));
        Assert.Equal(SHA256.HashData(bytes), received.Roots[0].Sha256.ToArray());
        Assert.Equal(alice.Id, Assert.Single(seen.OfType<FileTransferEvent.Offered>()).Offer.Sender);
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out")), TempFolder.Describe(_folder.PathOf("in")));
    }

    [Fact]
    public async Task Connections_that_end_in_the_middle_are_dialled_again_and_nothing_verified_is_sent_twice()
    {
        byte[] bytes = new byte[40 << 20];
        new Random(1).NextBytes(bytes);
        string file = _folder.Write("out/big.bin", bytes);
        var bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await _peers.StartAsync("alice");
        long arrived = 0;
        var receiver = new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Observer = happened => arrived = happened is FileTransferEvent.Progress progress ? progress.Bytes : arrived });
        var received = new TaskCompletionSource<FileReceiveReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        var serving = ServeAsync(bob, receiver, received);

        var told = new List<FileTransferEvent>();
        PeerConnection? current = null;
        int cuts = 0;
        var options = new FileSendOptions
        {
            StallTimeout = TimeSpan.FromSeconds(60), // a loaded machine is no silent receiver
            Observer = happened =>
            {
                lock (told) told.Add(happened);
                if (happened is not FileTransferEvent.Progress progress || cuts == 3 || progress.Bytes < (cuts + 1) * bytes.Length / 4) return;
                cuts++;
                _ = current!.CloseAsync(1, "the test cuts it");
            },
        };
        var report = await new FileSender([file], options).SendAsync(async token => current = await alice.ConnectAsync("bob", token), Token).WaitAsync(s_patience, Token);
        Assert.Equal(bytes.Length, (await received.Task.WaitAsync(s_patience, Token)).Bytes);
        Assert.Equal(3, cuts);
        Assert.Equal(3, told.OfType<FileTransferEvent.Interrupted>().Count());
        Assert.Equal(3, told.OfType<FileTransferEvent.Resumed>().Count());
        Assert.InRange(report.Resent, 0, 3 * FileLimits.Window);
        Assert.Equal(bytes, File.ReadAllBytes(_folder.PathOf("in/big.bin")));
        Assert.Equal(bytes.Length, arrived);
        await bob.DisposeAsync();
        await serving.WaitAsync(s_patience, Token);
    }

    [Fact]
    public async Task A_receiver_that_falls_silent_is_dialled_again()
    {
        byte[] bytes = new byte[12 << 20];
        string file = _folder.Write("out/big.bin", bytes);
        var bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await _peers.StartAsync("alice");
        var received = new TaskCompletionSource<FileReceiveReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        var silent = SilentOnceAsync(bob);
        var options = new FileSendOptions { StallTimeout = TimeSpan.FromSeconds(2) };
        var sending = new FileSender([file], options).SendAsync(token => alice.ConnectAsync("bob", token), Token);
        var connection = await silent.WaitAsync(s_patience, Token);
        var serving = ServeAsync(bob, new FileReceiver(_folder.PathOf("in")), received);
        Assert.Equal(bytes.Length, (await sending.WaitAsync(s_patience, Token)).Bytes);
        Assert.Equal(bytes.Length, (await received.Task.WaitAsync(s_patience, Token)).Bytes);
        await connection.DisposeAsync();
        await bob.DisposeAsync();
        await serving.WaitAsync(s_patience, Token);
    }

    [Fact]
    public async Task A_sender_whose_own_peer_has_ended_does_not_dial_for_ever()
    {
        string file = _folder.Write("out/big.bin", new byte[12 << 20]);
        var bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await _peers.StartAsync("alice");
        var silent = SilentOnceAsync(bob);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int interrupted = 0;
        var options = new FileSendOptions
        {
            StallTimeout = s_patience,
            Observer = happened =>
            {
                if (happened is FileTransferEvent.Started) begun.TrySetResult();
                if (happened is FileTransferEvent.Interrupted) interrupted++;
            },
        };
        var sending = new FileSender([file], options).SendAsync(token => alice.ConnectAsync("bob", token), Token);
        await begun.Task.WaitAsync(s_patience, Token);
        await silent.WaitAsync(s_patience, Token);
        await alice.DisposeAsync();
        var error = await Assert.ThrowsAsync<PeerException>(() => sending.WaitAsync(LoopbackPeers.Patience, Token));
        Assert.Equal((PeerError.Closed, 1), (error.Error, interrupted)); // the attempt broke, and the next was none
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_runs_something_else_ends_it_with_a_hint(bool echoes)
    {
        string file = _folder.Write("out/one.bin", [1]);
        var bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await _peers.StartAsync("alice");
        var sending = new FileSender([file]).SendAsync(token => alice.ConnectAsync("bob", token), Token);
        var connection = await bob.AcceptAsync(Token);
        var stream = await connection.AcceptStreamAsync(Token);
        if (echoes) _ = stream.CopyToAsync(stream, Token);
        else stream.Abort(3);
        var error = await Assert.ThrowsAsync<PeerException>(() => sending.WaitAsync(s_patience, Token));
        Assert.Equal(PeerError.Refused, error.Error);
        Assert.Contains("porthole receive", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Takes one offer and then says nothing more.</summary>
    private static async Task<PeerConnection> SilentOnceAsync(PeerNode node)
    {
        var connection = await node.AcceptAsync(Token);
        var stream = await connection.AcceptStreamAsync(Token);
        await stream.ReadProtocolAsync(Token);
        await stream.WriteAsync(FileFrame.WriteWelcome(), Token);
        await stream.WriteAsync(FileFrame.WriteAnswer(0, [RootState.Wanted]), Token);
        await stream.WriteAsync(FileFrame.Write(FileFrameType.HaveEnd), Token);
        return connection;
    }

    /// <summary>Receives whatever comes, on every connection, until the node is closed.</summary>
    private static async Task ServeAsync(PeerNode node, FileReceiver receiver, TaskCompletionSource<FileReceiveReport> received)
    {
        var streams = new List<Task>();
        try
        {
            while (true)
            {
                var connection = await node.AcceptAsync(Token);
                streams.Add(TakeAsync(connection));
            }
        }
        catch (PeerException)
        {
            await Task.WhenAll(streams);
        }

        async Task TakeAsync(PeerConnection connection)
        {
            try
            {
                var stream = await connection.AcceptStreamAsync(Token);
                Assert.Equal(StreamPreamble.Files, await stream.ReadProtocolAsync(Token));
                received.TrySetResult(await receiver.ReceiveAsync(connection, stream, Token));
            }
            catch (IOException)
            {
                // A connection that ended in the middle; the next one goes on.
            }
        }
    }
}
