using Porthole.Files;
using Porthole.Protocol.Files;

namespace Porthole.Tests.Files;

/// <summary>Whatever breaks, what was verified is not sent again, what was not is, and every byte that was sent twice is counted.</summary>
public sealed class ResumptionTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_tree_arrives_as_it_was_sent(int seed)
    {
        string[] roots = RandomTree.Plant(_folder, "out", seed, files: 60, maxSize: 700_000);
        var seen = new List<FileTransferEvent>();
        var outcome = await Courier.DeliverAsync(new FileSender(roots), Receiver(seen));
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out")), TempFolder.Describe(_folder.PathOf("in")));
        Assert.Equal((outcome.ChunkBytes, 0L), (outcome.Sent!.Bytes, outcome.Sent.Resent));
        Assert.Equal(outcome.Sent.Bytes, outcome.Received!.Bytes);
        var completed = seen.OfType<FileTransferEvent.FileCompleted>().ToList();
        Assert.Equal(outcome.Sent.Files, completed.Count);
        foreach (var one in completed) Assert.Equal(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(_folder.PathOf("out/" + one.Path))), one.Sha256.ToArray());
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Broken_after_every_few_frames_the_tree_still_arrives_and_the_count_is_exact(bool senderRestarts, bool receiverRestarts)
    {
        string[] roots = RandomTree.Plant(_folder, "out", seed: 5, files: 25, maxSize: 1_200_000);
        FileSender sender = new(roots);
        var receiver = Receiver();
        long tried = 0, triedByLast = 0, total = 0;
        for (int attempt = 1; ; attempt++)
        {
            Assert.True(attempt < 200, "each attempt makes progress");
            if (senderRestarts) (sender, triedByLast) = (new FileSender(roots), 0);
            if (receiverRestarts) receiver = Receiver();
            var pair = new StreamPair();
            pair.Sender.BreakAfterFrames = 7 + attempt; // a little farther each time: what precedes the files takes some
            var outcome = await Courier.RunAsync(sender, receiver, pair);
            tried += outcome.ChunkBytes;
            triedByLast += outcome.ChunkBytes;
            if (outcome.Sent is null)
            {
                Assert.IsType<PeerException>(outcome.SendError);
                Assert.IsType<PeerException>(outcome.ReceiveError);
                Assert.Empty(Directory.Exists(_folder.PathOf("in")) ? Directory.EnumerateFileSystemEntries(_folder.PathOf("in")).Where(IsFinal) : []);
                continue;
            }

            total = outcome.Sent.Bytes;
            long resent = outcome.Sent.Resent;
            if (!senderRestarts) Assert.Equal(tried - total, resent);
            Assert.InRange(resent, 0, tried - total); // what a killed sender had under way is known to nobody
            Assert.True(resent <= attempt * FileLimits.Window);
            break;
        }

        Assert.Equal(TempFolder.Describe(_folder.PathOf("out")), TempFolder.Describe(_folder.PathOf("in")));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_folder.PathOf("in")), path => !IsFinal(path));
    }

    [Fact]
    public async Task Broken_at_any_byte_nothing_that_was_verified_is_sent_again()
    {
        byte[] bytes = new byte[3 * FileLimits.ChunkSize + 1_000];
        new Random(3).NextBytes(bytes);
        string file = _folder.Write("out/one.bin", bytes);
        var random = new Random(9);
        for (int round = 0; round < 30; round++)
        {
            FileReceiver first = Receiver(), second = Receiver();
            var pair = new StreamPair();
            pair.Sender.BreakAfterBytes = random.Next(100, bytes.Length + 300);
            var outcome = await Courier.RunAsync(new FileSender([file]), first, pair);
            Assert.NotNull(outcome.SendError);
            string[] parts = Directory.Exists(_folder.PathOf("in")) ? Directory.GetFiles(_folder.PathOf("in"), "*" + EntryName.PartSuffix) : [];
            long here = parts.Length == 0 ? 0 : new FileInfo(parts[0]).Length;
            outcome = await Courier.DeliverAsync(new FileSender([file]), second);
            Assert.Equal((bytes.Length - here, 0L), (outcome.ChunkBytes, outcome.Sent!.Resent));
            Assert.Equal(bytes, File.ReadAllBytes(_folder.PathOf("in/one.bin")));
            Directory.Delete(_folder.PathOf("in"), recursive: true);
        }
    }

    [Fact]
    public async Task What_is_acknowledged_is_written_down_before()
    {
        string file = _folder.Write("out/file", new byte[8 * FileLimits.AckInterval]);
        var lengths = new List<long>();
        var pair = new StreamPair();
        pair.Receiver.Seen = type =>
        {
            if (type == FileFrameType.Ack) lengths.Add(new FileInfo(Directory.GetFiles(_folder.PathOf("in"), EntryName.JournalPrefix + "*").Single()).Length); // what a killed receiver leaves
        };
        Assert.Null((await Courier.RunAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in")), pair)).ReceiveError);
        Assert.True(lengths.Distinct().Count() >= 8, string.Join(' ', lengths));
    }

    [Fact]
    public async Task A_torn_disk_is_noticed_and_only_what_is_torn_is_sent_again()
    {
        byte[] bytes = new byte[8 * FileLimits.ChunkSize];
        new Random(3).NextBytes(bytes);
        string file = _folder.Write("out/one.bin", bytes);
        string part = await BreakAsync(file, frames: 9);
        int kept = (int)(new FileInfo(part).Length / FileLimits.ChunkSize);
        Assert.InRange(kept, 3, 7);
        using (var torn = new FileStream(part, FileMode.Open))
        {
            torn.Position = 2 * FileLimits.ChunkSize + 5; // the third chunk is of zeros, as after a power failure
            torn.Write(new byte[1_000]);
        }

        var outcome = await Courier.DeliverAsync(new FileSender([file]), Receiver());
        Assert.Equal(bytes.Length - 2 * FileLimits.ChunkSize, outcome.ChunkBytes);
        Assert.Equal((kept - 2L) * FileLimits.ChunkSize, outcome.Sent!.Resent);
        Assert.Equal(bytes, File.ReadAllBytes(_folder.PathOf("in/one.bin")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(65)]
    [InlineData(-3)]
    public async Task A_torn_journal_costs_the_count_and_nothing_else(int length)
    {
        byte[] bytes = new byte[4 * FileLimits.ChunkSize];
        new Random(3).NextBytes(bytes);
        string file = _folder.Write("out/one.bin", bytes);
        string part = await BreakAsync(file, frames: 7);
        long here = new FileInfo(part).Length;
        string journal = Assert.Single(Directory.GetFiles(_folder.PathOf("in"), EntryName.JournalPrefix + "*"));
        using (var torn = new FileStream(journal, FileMode.Open)) torn.SetLength(length >= 0 ? length : torn.Length + length);
        var outcome = await Courier.DeliverAsync(new FileSender([file]), Receiver());
        Assert.Equal((bytes.Length - here, 0L), (outcome.ChunkBytes, outcome.Sent!.Resent));
        Assert.Single(Directory.GetFileSystemEntries(_folder.PathOf("in")));
    }

    [Fact]
    public async Task What_changed_between_two_attempts_is_sent_again()
    {
        byte[] bytes = new byte[6 * FileLimits.ChunkSize];
        new Random(3).NextBytes(bytes);
        string file = _folder.Write("out/one.bin", bytes);
        await BreakAsync(file, frames: 9);
        bytes[FileLimits.ChunkSize + 1] ^= 1;
        Array.Resize(ref bytes, bytes.Length - 10);
        File.WriteAllBytes(file, bytes);
        var outcome = await Courier.DeliverAsync(new FileSender([file]), Receiver());
        Assert.Equal(bytes.Length - FileLimits.ChunkSize, outcome.ChunkBytes);
        Assert.Equal(bytes, File.ReadAllBytes(_folder.PathOf("in/one.bin")));
    }

    [Fact]
    public async Task Files_that_came_and_went_between_two_attempts_leave_nothing_behind()
    {
        for (int i = 0; i < 6; i++) _folder.Write($"out/box/{i}.bin", new byte[FileLimits.ChunkSize + i]);
        string root = _folder.PathOf("out/box");
        var pair = new StreamPair();
        pair.Sender.BreakAfterFrames = 14;
        await Courier.RunAsync(new FileSender([root]), Receiver(), pair);
        string part = Assert.Single(Directory.GetDirectories(_folder.PathOf("in")));
        Assert.True(Directory.GetFiles(part).Length >= 2);
        File.Delete(Path.Combine(root, "0.bin"));
        _folder.Write("out/box/7/seven.bin", [7]);
        Directory.CreateDirectory(Path.Combine(part, "2.bin.d"));
        File.WriteAllText(Path.Combine(part, "7"), "in the way of a folder");
        await Courier.DeliverAsync(new FileSender([root]), Receiver());
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out")), TempFolder.Describe(_folder.PathOf("in")));
    }

    [Fact]
    public async Task A_last_word_that_is_lost_costs_nothing()
    {
        string[] roots = RandomTree.Plant(_folder, "out", seed: 8, files: 20, maxSize: 400_000);
        var sender = new FileSender(roots);
        var pair = new StreamPair();
        pair.Receiver.Seen = type =>
        {
            if (type == FileFrameType.Finished) pair.Break();
        };
        var outcome = await Courier.RunAsync(sender, Receiver(), pair);
        Assert.NotNull(outcome.SendError);
        outcome = await Courier.DeliverAsync(sender, Receiver());
        Assert.Equal((0L, 0L), (outcome.ChunkBytes, outcome.Sent!.Resent));
        Assert.All(outcome.Received!.Roots, root => Assert.True(root.WasHere));
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out")), TempFolder.Describe(_folder.PathOf("in")));
    }

    [Fact]
    public async Task A_newer_stream_of_a_transfer_replaces_the_older_one_which_is_asked_for_once()
    {
        byte[] bytes = new byte[20 * FileLimits.ChunkSize];
        new Random(3).NextBytes(bytes);
        string file = _folder.Write("out/one.bin", bytes);
        int asked = 0;
        var receiver = new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Accept = (_, _) => Task.FromResult(++asked == 1) });
        var old = new StreamPair();
        old.Sender.BreakAfterFrames = 12;
        var oldReceiving = Courier.ReceiveAsync(receiver, Halved(old, out var silent));
        var sender = new FileSender([file]);
        await Courier.CatchAsync(Courier.SendAsync(sender, old));

        var outcome = await Courier.RunAsync(sender, receiver);
        Assert.NotNull(outcome.Received);
        Assert.Equal(FileError.Superseded, Assert.IsType<FileException>((await Courier.CatchAsync(oldReceiving)).Error).Reason);
        Assert.Equal(1, asked);
        Assert.Equal(bytes, File.ReadAllBytes(_folder.PathOf("in/one.bin")));
        silent.Break();
    }

    [Fact]
    public async Task Another_program_cannot_receive_the_same_transfer_into_the_same_folder()
    {
        string file = _folder.Write("out/one.bin", new byte[10]);
        var reached = new TaskCompletionSource();
        var first = new StreamPair();
        first.Receiver.Seen = type =>
        {
            if (type == FileFrameType.HaveEnd) reached.TrySetResult();
        };
        var receiving = Courier.ReceiveAsync(Receiver(), first);
        await first.Sender.WriteAsync(FileFrame.WriteOffer(SourceTree.IdOf([file])), TestContext.Current.CancellationToken);
        var manifest = SourceTree.Walk([file], null, TestContext.Current.CancellationToken).Manifest;
        await Wire.OfferAsync(first.Sender, manifest);
        await reached.Task.WaitAsync(Courier.Patience, TestContext.Current.CancellationToken);
        var outcome = await Courier.RunAsync(new FileSender([file]), Receiver());
        Assert.Equal((FileError.InUse, FileError.InUse), (outcome.SendReason, outcome.ReceiveReason));
        Assert.DoesNotContain(_folder.PathOf("in"), outcome.SendError!.Message, StringComparison.Ordinal);
        first.Break();
        Assert.IsType<PeerException>((await Courier.CatchAsync(receiving)).Error);
        await Courier.DeliverAsync(new FileSender([file]), Receiver());
    }

    /// <summary>The older stream as a receiver sees it whose sender has vanished without a word: the break does not reach it.</summary>
    private static StreamPair Halved(StreamPair sender, out StreamPair silent)
    {
        var far = silent = new StreamPair();
        _ = PumpAsync(sender.Receiver, far.Sender);
        _ = PumpAsync(far.Sender, sender.Receiver);
        return far;

        static async Task PumpAsync(Stream from, Stream to)
        {
            byte[] buffer = new byte[100_000];
            try
            {
                while (await from.ReadAsync(buffer, TestContext.Current.CancellationToken) is > 0 and var read) await to.WriteAsync(buffer.AsMemory(0, read), TestContext.Current.CancellationToken);
            }
            catch (IOException)
            {
                // Silence, and no end: that is the point.
            }
        }
    }

    private static bool IsFinal(string path) => !path.EndsWith(EntryName.PartSuffix, StringComparison.Ordinal) && !Path.GetFileName(path).StartsWith(EntryName.JournalPrefix, StringComparison.Ordinal);

    private async Task<string> BreakAsync(string file, int frames)
    {
        var pair = new StreamPair();
        pair.Sender.BreakAfterFrames = frames;
        var outcome = await Courier.RunAsync(new FileSender([file]), Receiver(), pair);
        Assert.IsType<PeerException>(outcome.SendError);
        return Assert.Single(Directory.GetFiles(_folder.PathOf("in"), "*" + EntryName.PartSuffix));
    }

    private FileReceiver Receiver(List<FileTransferEvent>? seen = null) => new(_folder.PathOf("in"), new FileReceiveOptions { Observer = seen is null ? null : seen.Add, FlushToDisk = false });
}
