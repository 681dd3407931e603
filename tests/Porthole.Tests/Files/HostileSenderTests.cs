using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Porthole.Files;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Tests.Files;

/// <summary>Whatever a sender sends: one line, nothing outside the folder, and no more memory than a limit says.</summary>
public sealed class HostileSenderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("../up")]
    [InlineData("/etc/passwd")]
    [InlineData("..\\up")]
    [InlineData("C:\\x")]
    [InlineData("\\\\server\\share")]
    [InlineData("nul\0byte")]
    [InlineData("line\nbreak")]
    [InlineData("\u001b[2J")]
    [InlineData("line\u2028break")]
    [InlineData(".porthole-transfer-00112233")]
    [InlineData("x.PORTHOLE-part")]
    public async Task A_name_that_leads_elsewhere_is_refused(string name)
    {
        await RefuseAsync(FileError.NameNotAllowed, async stream => await EntriesAsync(stream, Entry(0, name, 5)));
        if (!name.Contains("porthole", StringComparison.OrdinalIgnoreCase)) await RefuseAsync(FileError.NameNotAllowed, async stream => await EntriesAsync(stream, Entry(0, "fine", null), Entry(1, name, 5)));
    }

    [Fact]
    public async Task A_name_that_is_no_text_or_too_long_is_refused()
    {
        byte[] entry = Entry(0, "name", 5);
        entry[^1] = 0xFF;
        await RefuseAsync(FileError.NameNotAllowed, async stream => await EntriesAsync(stream, entry));
        entry = Entry(0, "na\u00e4", 5)[..^1]; // half a letter
        entry[Manifest.EntryHeader - 1]--;
        await RefuseAsync(FileError.NameNotAllowed, async stream => await EntriesAsync(stream, entry));
    }

    public static TheoryData<string, byte[][]> BadManifests() => new()
    {
        { "case clash", [Entry(0, "Readme", 1), Entry(0, "rEADME", 1)] },
        { "twice", [Entry(0, "a", 1), Entry(0, "a", 1)] },
        { "case clash of another script", [Entry(0, "\u00c4", 1), Entry(0, "\u00e4", 1)] },
        { "out of order", [Entry(0, "b", 1), Entry(0, "a", 1)] },
        { "in a file", [Entry(0, "a", 1), Entry(1, "b", 1)] },
        { "in itself", [Entry(1, "a", null)] },
        { "in what comes later", [Entry(2, "a", null), Entry(0, "b", null)] },
        { "back to the top", [Entry(0, "a", null), Entry(1, "b", 1), Entry(0, "c", 1)] },
        { "in a folder beyond", [Entry(uint.MaxValue, "a", null)] },
        { "setuid", [Entry(0, "a", 1, mode: 0x9ED)] },
        { "a folder with bytes", [Entry(0, "a", 1, flags: 1)] },
        { "unknown flags", [Entry(0, "a", 1, flags: 2)] },
        { "negative size", [Entry(0, "a", -1)] },
        { "sizes that overflow", [Entry(0, "a", FileLimits.MaxBytes), Entry(0, "b", FileLimits.MaxBytes)] },
        { "a time of nobody", [Entry(0, "a", 1, modified: long.MinValue)] },
        { "cut short", [Entry(0, "abc", 1)[..^2]] },
    };

    [Theory]
    [MemberData(nameof(BadManifests))]
    public Task A_list_that_makes_no_sense_is_refused(string what, byte[][] entries)
    {
        Assert.NotEmpty(what);
        return RefuseAsync(null, async stream => await EntriesAsync(stream, entries));
    }

    [Fact]
    public async Task Depth_and_length_of_paths_have_limits()
    {
        var deep = Enumerable.Range(0, FileLimits.MaxDepth + 1).Select(i => Entry((uint)i, "d", null)).ToArray();
        await RefuseAsync(FileError.NameNotAllowed, async stream => await EntriesAsync(stream, deep));
        string name = new('n', FileLimits.MaxName);
        var @long = Enumerable.Range(0, 17).Select(i => Entry((uint)i, name, null)).ToArray();
        await RefuseAsync(FileError.NameNotAllowed, async stream => await EntriesAsync(stream, @long));
    }

    [Fact]
    public async Task A_huge_declared_size_is_refused_before_anything_is_written_or_asked()
    {
        bool asked = false;
        var options = new FileReceiveOptions { Accept = (_, _) => Task.FromResult(asked = true) };
        await RefuseAsync(FileError.DiskFull, async stream => await OfferAsync(stream, Entry(0, "huge", FileLimits.MaxBytes)), options);
        await RefuseAsync(FileError.TooLarge, async stream => await OfferAsync(stream, Entry(0, "large", 1_001)), options with { MaxTotalBytes = 1_000 });
        Assert.False(asked);
    }

    [Fact]
    public async Task A_declared_size_takes_no_room_before_its_bytes_come()
    {
        await RefuseAsync(null, async stream =>
        {
            await OfferAsync(stream, Entry(0, "gigabyte", 1 << 30));
            await stream.WriteAsync(Bytes(FileFrame.WriteBegin(0, 1 << 30), Start(0, 0), Chunk([], new byte[FileLimits.ChunkSize], out _)), Token);
            await RawAsync(stream, [0xEE, 0, 0, 0]);
        });
        Assert.Equal(FileLimits.ChunkSize, new FileInfo(Assert.Single(Directory.GetFiles(_folder.PathOf("in"), "gigabyte*"))).Length);
    }

    [Fact]
    public async Task Of_a_manifest_of_a_million_entries_one_more_is_refused() =>
        await RefuseAsync(FileError.TooLarge, async stream =>
        {
            byte[] batch = new byte[FileFrame.HeaderSize + FileLimits.MaxBatch];
            for (int i = 0, filled; i <= FileLimits.MaxEntries;)
            {
                for (filled = 0; i <= FileLimits.MaxEntries; i++)
                {
                    byte[] entry = i == 0 ? Entry(0, "root", null) : Entry(1, $"a name of some twenty letters {i:D7}", 1);
                    if (filled + entry.Length > FileLimits.MaxBatch) break;
                    entry.CopyTo(batch, FileFrame.HeaderSize + filled);
                    filled += entry.Length;
                }

                FileFrame.WriteHeader(batch, FileFrameType.Entries, filled);
                await stream.WriteAsync(batch.AsMemory(0, FileFrame.HeaderSize + filled), Token);
            }
        });

    [Fact]
    public async Task An_endless_manifest_ends_at_the_limit_of_the_receiver()
    {
        var options = new FileReceiveOptions { MaxEntries = 1_000 };
        await RefuseAsync(
            FileError.TooLarge,
            async stream =>
            {
                for (int i = 0; ; i++) await stream.WriteAsync(Frame(FileFrameType.Entries, Entry(0, $"{i:D9}", 1)), Token);
            },
            options);
    }

    public static TheoryData<string, FileError?, byte[]> BadFrames()
    {
        byte[] four = [1, 2, 3, 4], five = [1, 2, 3, 4, 5];
        byte[] begin = FileFrame.WriteBegin(0, 5), start = Start(0, 0), chunk = Chunk([], five, out byte[] hash);
        byte[] wrongHash = [.. hash];
        wrongHash[3] ^= 1;
        byte[] listing = SHA256.HashData(Encoding.UTF8.GetBytes($"{Convert.ToHexStringLower(hash)}  file\n"));
        return new TheoryData<string, FileError?, byte[]>
        {
            { "no beginning", null, start },
            { "twice begun", null, Bytes(begin, begin) },
            { "more kept than there is", null, FileFrame.WriteBegin(6, 0) },
            { "a verdict that nobody asked for", null, FileFrame.WriteRootVerdict(0, true) },
            { "a file that there is not", null, Bytes(begin, Start(1, 0)) },
            { "a folder in place of a file", null, Bytes(begin, Start(int.MaxValue, 0)) },
            { "an offset where nothing is", null, Bytes(begin, Start(0, 5)) },
            { "a chunk of no file", null, Bytes(begin, chunk) },
            { "an empty chunk", null, Bytes(begin, start, Frame(FileFrameType.Chunk, hash)) },
            { "less than a chunk", null, Bytes(begin, start, Chunk([], four, out _)) },
            { "more than was declared", null, Bytes(begin, start, Chunk([], [1, 2, 3, 4, 5, 6], out _)) },
            { "more chunks than were declared", null, Bytes(begin, start, chunk, Chunk(five, [6], out _)) },
            { "an end before the end", null, Bytes(begin, start, Frame(FileFrameType.FileEnd, hash)) },
            { "an end of no file", null, Bytes(begin, Frame(FileFrameType.FileEnd, hash)) },
            { "a file within a file", null, Bytes(begin, start, start) },
            { "a file twice", null, Bytes(begin, start, chunk, Frame(FileFrameType.FileEnd, hash), start) },
            { "done before all is", null, Bytes(begin, Frame(FileFrameType.Done, hash)) },
            { "done within a file", null, Bytes(begin, start, Frame(FileFrameType.Done, hash)) },
            { "a failure of another file", null, Bytes(begin, FileFrame.WriteFileError(FileFrameType.FileFailed, 7, FileError.NotFound, "x")) },
            { "entries too late", null, Bytes(begin, Frame(FileFrameType.Entries, Entry(0, "x", 1))) },
            { "an offer too late", null, FileFrame.WriteOffer(default) },
            { "a frame of the receiver", null, FileFrame.WriteAck(0) },
            { "an unknown frame", null, [0x7F, 0, 0, 0] },
            { "a frame too long", null, [(byte)FileFrameType.Chunk, 0xFF, 0xFF, 0xFF] },
            { "garbage", null, [.. Enumerable.Range(0, 1_000).Select(i => (byte)(i * 77 + 13))] },
            { "a wrong hash of a chunk", FileError.WrongHash, Bytes(begin, start, Frame(FileFrameType.Chunk, [.. wrongHash, .. five])) },
            { "changed content", FileError.WrongHash, Bytes(begin, start, Frame(FileFrameType.Chunk, [.. hash, 1, 2, 3, 4, 6])) },
            { "a wrong hash of a file", FileError.WrongHash, Bytes(begin, start, chunk, Frame(FileFrameType.FileEnd, wrongHash)) },
            { "a wrong hash of the tree", FileError.WrongHash, Bytes(begin, start, chunk, Frame(FileFrameType.FileEnd, hash), Frame(FileFrameType.Done, wrongHash)) },
            { "nothing more", null, Bytes(begin, start, chunk, Frame(FileFrameType.FileEnd, hash), Frame(FileFrameType.Done, listing), Start(0, 0), [0x7F]) },
        };
    }

    [Theory]
    [MemberData(nameof(BadFrames))]
    public async Task What_comes_out_of_turn_or_is_not_what_was_said_ends_the_transfer(string what, FileError? reason, byte[] frames)
    {
        if (what == "nothing more")
        {
            // Behind the last word nobody listens: the file is complete, and what follows is not read as frames.
            var pair = new StreamPair();
            var receiving = Courier.ReceiveAsync(new FileReceiver(_folder.PathOf("in")), pair);
            await OfferAsync(pair.Sender, Entry(0, "file", 5));
            await RawAsync(pair.Sender, frames);
            pair.Sender.CompleteWrites();
            Assert.Equal(5, (await receiving.WaitAsync(Courier.Patience, Token)).Bytes);
            return;
        }

        await RefuseAsync(reason, async stream =>
        {
            await OfferAsync(stream, Entry(0, "file", 5));
            await RawAsync(stream, frames);
        });
        Assert.False(File.Exists(_folder.PathOf("in/file")), what);
    }

    [Fact]
    public async Task What_was_here_is_complete_only_with_the_hash_that_it_has()
    {
        byte[] chunk = Chunk([], [1, 2, 3, 4, 5], out byte[] hash), wrongHash = [.. hash];
        wrongHash[3] ^= 1;
        await RefuseAsync(null, async stream =>
        {
            await OfferAsync(stream, Entry(0, "file", 5));
            await RawAsync(stream, Bytes(FileFrame.WriteBegin(0, 5), Start(0, 0), chunk, Frame(FileFrameType.FileEnd, hash), [0x7F, 0, 0, 0]));
        });
        string part = Assert.Single(Directory.GetFiles(_folder.PathOf("in"), "*" + EntryName.PartSuffix));
        foreach (byte[] end in (byte[][])[wrongHash, SHA256.HashData([])])
        {
            await RefuseAsync(FileError.WrongHash, async stream =>
            {
                await OfferAsync(stream, Entry(0, "file", 5));
                await RawAsync(stream, Bytes(FileFrame.WriteBegin(5, 0), Start(0, 5), Frame(FileFrameType.FileEnd, end)));
                await RawAsync(stream, Frame(FileFrameType.Done, SHA256.HashData(Encoding.UTF8.GetBytes($"{Convert.ToHexStringLower(end)}  file\n"))));
            });
        }

        Assert.Equal([1, 2, 3, 4, 5], File.ReadAllBytes(part));
        Assert.False(File.Exists(_folder.PathOf("in/file")));
    }

    [Fact]
    public async Task What_is_replaced_comes_from_its_beginning()
    {
        _folder.Write("in/file", [1, 2, 3, 4, 5]);
        byte[] listing = SHA256.HashData(Encoding.UTF8.GetBytes($"{Convert.ToHexStringLower(SHA256.HashData([1, 2, 3, 4, 5]))}  file\n"));
        var pair = new StreamPair();
        var receiving = Courier.ReceiveAsync(new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Overwrite = true }), pair);
        await OfferAsync(pair.Sender, Entry(0, "file", 5));
        await RawAsync(pair.Sender, Bytes(FileFrame.WriteRootVerdict(0, false), FileFrame.WriteBegin(5, 0), Start(0, 5), Frame(FileFrameType.FileEnd, SHA256.HashData([1, 2, 3, 4, 5])), Frame(FileFrameType.Done, listing)));
        pair.Sender.CompleteWrites();
        Assert.Equal(PeerError.ProtocolViolation, Assert.IsType<PeerException>((await Courier.CatchAsync(receiving)).Error).Error);
        Assert.Equal([1, 2, 3, 4, 5], File.ReadAllBytes(_folder.PathOf("in/file")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_link_in_the_target_is_neither_followed_nor_written_behind(bool asFolder)
    {
        if (OperatingSystem.IsWindows()) return; // links need rights there
        string outside = _folder.PathOf("outside");
        Directory.CreateDirectory(outside);
        string file = _folder.Write("out/box/deep/file.txt", "data"u8.ToArray());
        string root = asFolder ? _folder.PathOf("out/box") : file;

        // In the place of the complete one.
        Directory.CreateDirectory(_folder.PathOf("in"));
        string final = _folder.PathOf("in/" + Path.GetFileName(root));
        File.CreateSymbolicLink(final, outside);
        foreach (bool overwrite in new[] { false, true })
        {
            var outcome = await Courier.RunAsync(new FileSender([root]), new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Overwrite = overwrite }));
            Assert.Equal((FileError.Exists, FileError.Exists), (outcome.SendReason, outcome.ReceiveReason));
            Assert.Equal(outside, new FileInfo(final).LinkTarget);
        }

        File.Delete(final);

        // In the place of what is under way: it is removed, and not what it leads to.
        var pair = new StreamPair();
        pair.Sender.BreakAfterFrames = 5;
        await Courier.RunAsync(new FileSender([root]), new FileReceiver(_folder.PathOf("in")), pair);
        string part = Assert.Single(Directory.GetFileSystemEntries(_folder.PathOf("in"), "*" + EntryName.PartSuffix));
        TargetTree.Remove(part);
        File.CreateSymbolicLink(part, outside);
        await Courier.DeliverAsync(new FileSender([root]), new FileReceiver(_folder.PathOf("in")));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        Assert.Equal("data", File.ReadAllText(asFolder ? Path.Combine(final, "deep/file.txt") : final));
    }

    [Fact]
    public async Task A_link_that_is_planted_while_files_arrive_is_not_followed()
    {
        if (OperatingSystem.IsWindows()) return; // links need rights there
        string outside = _folder.PathOf("outside");
        Directory.CreateDirectory(outside);
        var pair = new StreamPair();
        var receiving = Courier.ReceiveAsync(new FileReceiver(_folder.PathOf("in")), pair);
        await OfferAsync(pair.Sender, Entry(0, "box", null), Entry(1, "deep", null), Entry(1, "first", 5), Entry(2, "second", 5));
        byte[] chunk = Chunk([], [1, 2, 3, 4, 5], out byte[] hash);
        await RawAsync(pair.Sender, Bytes(FileFrame.WriteBegin(0, 10), Start(2, 0), chunk, Frame(FileFrameType.FileEnd, hash)));
        string part;
        while (true)
        {
            // Until the first file is there, and the folders with it.
            Token.ThrowIfCancellationRequested();
            part = Directory.Exists(_folder.PathOf("in")) && Directory.GetDirectories(_folder.PathOf("in")) is [var one] ? one : string.Empty;
            if (part.Length > 0 && File.Exists(Path.Combine(part, "first"))) break;
            await Task.Delay(5, Token);
        }

        Directory.Delete(Path.Combine(part, "deep"));
        Directory.CreateSymbolicLink(Path.Combine(part, "deep"), outside);
        await RawAsync(pair.Sender, Bytes(Start(3, 0), chunk, Frame(FileFrameType.FileEnd, hash)));
        string listing = $"folder  box\nfolder  box/deep\n{Convert.ToHexStringLower(hash)}  box/first\n{Convert.ToHexStringLower(hash)}  box/deep/second\n";
        await RawAsync(pair.Sender, Frame(FileFrameType.Done, SHA256.HashData(Encoding.UTF8.GetBytes(listing))));
        pair.Sender.CompleteWrites();
        Assert.Equal(FileError.Link, Assert.IsType<FileException>((await Courier.CatchAsync(receiving)).Error).Reason);
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        Assert.False(Directory.Exists(_folder.PathOf("in/box")));
    }

    [Fact]
    public async Task A_link_in_the_place_of_a_file_that_is_gone_on_with_is_not_written_through()
    {
        if (OperatingSystem.IsWindows()) return; // links need rights there
        byte[] bytes = new byte[3 * FileLimits.ChunkSize];
        string file = _folder.Write("out/file", bytes), outside = _folder.PathOf("outside");
        var pair = new StreamPair();
        pair.Sender.BreakAfterBytes = 2 * FileLimits.ChunkSize;
        await Courier.RunAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in")), pair);
        string part = Assert.Single(Directory.GetFiles(_folder.PathOf("in"), "*" + EntryName.PartSuffix));
        long length = new FileInfo(part).Length;
        Assert.InRange(length, 1, bytes.Length - 1);
        pair = new StreamPair();
        pair.Receiver.Seen = type =>
        {
            // Between the looking and the writing.
            if (type != FileFrameType.HaveEnd) return;
            File.Move(part, outside);
            File.CreateSymbolicLink(part, outside);
        };
        var outcome = await Courier.RunAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in")), pair);
        Assert.Equal((FileError.Link, FileError.Link), (outcome.SendReason, outcome.ReceiveReason));
        Assert.DoesNotContain(Path.GetDirectoryName(outside)!, outcome.SendError!.Message, StringComparison.Ordinal); // where things are is nobody's business
        Assert.Equal(length, new FileInfo(outside).Length);
        Assert.False(File.Exists(_folder.PathOf("in/file")));
    }

    [Fact]
    public async Task A_link_in_the_place_of_a_journal_is_not_written_through()
    {
        if (OperatingSystem.IsWindows()) return; // links need rights there
        string file = _folder.Write("out/file", [1, 2, 3]), outside = _folder.Write("outside", [9]);
        var pair = new StreamPair();
        pair.Sender.BreakAfterFrames = 4;
        await Courier.RunAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in")), pair);
        string journal = Assert.Single(Directory.GetFiles(_folder.PathOf("in"), EntryName.JournalPrefix + "*"));
        File.Delete(journal);
        File.CreateSymbolicLink(journal, outside);
        var outcome = await Courier.RunAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in")));
        Assert.Equal((FileError.Link, FileError.Link), (outcome.SendReason, outcome.ReceiveReason));
        Assert.DoesNotContain(Path.GetDirectoryName(outside)!, outcome.SendError!.Message, StringComparison.Ordinal); // where things are is nobody's business
        Assert.Equal([9], File.ReadAllBytes(outside));
    }

    [Fact]
    public async Task What_was_refused_by_the_person_is_not_written()
    {
        string file = _folder.Write("out/one.bin", new byte[10]);
        var outcome = await Courier.RunAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Accept = (_, _) => Task.FromResult(false) }));
        Assert.Equal(FileError.Refused, outcome.ReceiveReason);
        Assert.Equal(PeerError.Refused, Assert.IsType<PeerException>(outcome.SendError).Error);
        Assert.False(Directory.Exists(_folder.PathOf("in")));
    }

    [Fact]
    public async Task Offers_that_wait_for_an_answer_have_a_limit_for_each_sender()
    {
        var asked = new SemaphoreSlim(0);
        var answered = new TaskCompletionSource();
        var receiver = new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { MaxEntries = 2 * FileReceiver.MaxTransfersOfSender, Accept = AcceptAsync });
        var eve = new Porthole.Protocol.PeerId([.. Enumerable.Repeat((byte)9, 32)]);
        var waiting = new List<(StreamPair Pair, Task<FileReceiveReport> Receiving)>();
        for (uint i = 0; i < FileReceiver.MaxTransfersOfSender; i++) waiting.Add(await OfferOneAsync(i, Courier.Alice, 1, isAsked: true));
        var tooMany = await OfferOneAsync(100, Courier.Alice, 1, isAsked: false);
        waiting.Add(await OfferOneAsync(0, eve, FileReceiver.MaxTransfersOfSender + 1, isAsked: true));
        var tooLong = await OfferOneAsync(1, eve, FileReceiver.MaxTransfersOfSender, isAsked: false);
        foreach (var (pair, receiving) in new[] { tooMany, tooLong })
        {
            pair.Sender.CompleteWrites();
            Assert.Equal(FileError.InUse, Assert.IsType<FileException>((await Courier.CatchAsync(receiving)).Error).Reason);
        }

        answered.SetResult();
        foreach (var (pair, receiving) in waiting)
        {
            pair.Break();
            Assert.NotNull((await Courier.CatchAsync(receiving)).Error);
        }

        waiting = [await OfferOneAsync(100, Courier.Alice, 1, isAsked: true)];
        waiting[0].Pair.Break();
        Assert.NotNull((await Courier.CatchAsync(waiting[0].Receiving)).Error);

        async Task<bool> AcceptAsync(FileOffer offer, CancellationToken cancellationToken)
        {
            asked.Release();
            await answered.Task.WaitAsync(cancellationToken);
            return true;
        }

        async Task<(StreamPair Pair, Task<FileReceiveReport> Receiving)> OfferOneAsync(uint id, Porthole.Protocol.PeerId from, int entries, bool isAsked)
        {
            var pair = new StreamPair();
            var receiving = Courier.ReceiveAsync(receiver, pair, from);
            await pair.Sender.WriteAsync(FileFrame.WriteOffer(new TransferId(id)), Token);
            await OfferAsync(pair.Sender, [.. Enumerable.Range(0, entries).Select(i => Entry(0, $"{id:D3} {i:D3}", 1))]);
            if (isAsked) Assert.True(await asked.WaitAsync(Courier.Patience, Token));
            return (pair, receiving);
        }
    }

    [Fact]
    public async Task Who_was_not_taken_yet_does_not_learn_how_full_the_disk_is()
    {
        var pair = new StreamPair();
        var receiving = Courier.ReceiveAsync(new FileReceiver(_folder.PathOf("in")), pair);
        await OfferAsync(pair.Sender, Entry(0, "huge", FileLimits.MaxBytes));
        pair.Sender.CompleteWrites();
        Assert.Equal(FileError.DiskFull, Assert.IsType<FileException>((await Courier.CatchAsync(receiving)).Error).Reason);
        var told = new MemoryStream();
        byte[] buffer = new byte[10_000];
        while (await pair.Sender.ReadAsync(buffer, Token) is > 0 and var read) told.Write(buffer, 0, read);
        string text = Encoding.UTF8.GetString(told.ToArray());
        Assert.Contains("no room", text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, char.IsAsciiDigit);
    }

    [Fact]
    public async Task What_was_taken_once_and_is_complete_is_asked_for_again()
    {
        string file = _folder.Write("out/one.bin", [1, 2, 3]);
        int asked = 0;
        var receiver = new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Accept = (_, _) => Task.FromResult(++asked > 0) });
        var sender = new FileSender([file]);
        await Courier.DeliverAsync(sender, receiver);
        await Courier.DeliverAsync(sender, receiver); // it is there, and nothing is written
        Assert.Equal(1, asked);
        File.Delete(_folder.PathOf("in/one.bin"));
        await Courier.DeliverAsync(sender, receiver);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Another_peer_cannot_continue_or_spoil_what_one_has_begun()
    {
        byte[] bytes = new byte[4 * FileLimits.ChunkSize];
        new Random(3).NextBytes(bytes);
        string file = _folder.Write("out/one.bin", bytes);
        var pair = new StreamPair();
        pair.Sender.BreakAfterFrames = 7;
        await Courier.RunAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in")), pair);

        var seen = new List<FileTransferEvent>();
        var eve = new StreamPair();
        eve.Sender.BreakAfterFrames = 6;
        var receiving = Courier.ReceiveAsync(new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Observer = seen.Add }), eve, new Porthole.Protocol.PeerId([.. Enumerable.Repeat((byte)9, 32)]));
        await Courier.CatchAsync(Courier.SendAsync(new FileSender([file]), eve));
        await Courier.CatchAsync(receiving);
        var offer = Assert.Single(seen.OfType<FileTransferEvent.Offered>()).Offer;
        Assert.Equal((0L, false), (offer.BytesHere, offer.IsContinued));
        Assert.Equal(2, Directory.GetFiles(_folder.PathOf("in"), "*" + EntryName.PartSuffix).Length);
        var outcome = await Courier.DeliverAsync(new FileSender([file]), new FileReceiver(_folder.PathOf("in")));
        Assert.Equal(2L * FileLimits.ChunkSize, outcome.ChunkBytes);
    }

    private static byte[] Entry(uint parent, string name, long? size, int mode = ManifestEntry.NoMode, int? flags = null, long modified = 0)
    {
        byte[] letters = Encoding.UTF8.GetBytes(name);
        byte[] entry = new byte[Manifest.EntryHeader + letters.Length];
        entry[0] = (byte)(flags ?? (size is null ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(entry.AsSpan(1), (ushort)mode);
        BinaryPrimitives.WriteUInt32BigEndian(entry.AsSpan(3), parent);
        BinaryPrimitives.WriteInt64BigEndian(entry.AsSpan(7), modified);
        BinaryPrimitives.WriteInt64BigEndian(entry.AsSpan(15), size ?? 0);
        entry[23] = (byte)letters.Length;
        letters.CopyTo(entry, Manifest.EntryHeader);
        return entry;
    }

    private static byte[] Frame(FileFrameType type, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[FileFrame.HeaderSize + payload.Length];
        FileFrame.WriteHeader(frame, type, payload.Length);
        payload.CopyTo(frame.AsSpan(FileFrame.HeaderSize));
        return frame;
    }

    private static byte[] Start(int index, long offset)
    {
        byte[] frame = new byte[FileFrame.FileStartSize];
        FileFrame.WriteFileStart(frame, index, offset);
        return frame;
    }

    private static byte[] Chunk(byte[] before, byte[] data, out byte[] hash)
    {
        hash = SHA256.HashData((byte[])[.. before, .. data]);
        return Frame(FileFrameType.Chunk, [.. hash, .. data]);
    }

    private static byte[] Bytes(params byte[][] frames) => [.. frames.SelectMany(frame => frame)];

    private static async Task EntriesAsync(Stream stream, params byte[][] entries)
    {
        await stream.WriteAsync(Frame(FileFrameType.Entries, Bytes(entries)), Token);
    }

    /// <summary>Offers entries that are in order.</summary>
    private static async Task OfferAsync(Stream stream, params byte[][] entries)
    {
        if (((StreamPair.End)stream).Frames == 0) await stream.WriteAsync(FileFrame.WriteOffer(default), Token);
        var manifest = new Manifest();
        Assert.Equal(ManifestFault.None, manifest.AddEncoded(Bytes(entries)));
        await Wire.OfferAsync(stream, manifest);
    }

    private static ValueTask RawAsync(Stream stream, byte[] bytes) => ((StreamPair.End)stream).WriteRawAsync(bytes, Token);

    /// <summary>Plays a sender against a receiver, which must end it with a reason (null: any other error), with one line, and with nothing in its place.</summary>
    private async Task RefuseAsync(FileError? reason, Func<Stream, Task> play, FileReceiveOptions? options = null)
    {
        _folder.Write("canary/file", [1]);
        string outside = TempFolder.Describe(_folder.PathOf("canary"));
        var pair = new StreamPair();
        var receiving = Courier.ReceiveAsync(new FileReceiver(_folder.PathOf("canary/../in"), options), pair);
        await pair.Sender.WriteAsync(FileFrame.WriteOffer(default), Token);
        pair.Receiver.Seen = type =>
        {
            if (type == FileFrameType.ReceiverError) pair.Sender.CompleteWrites(); // the sender hangs up when it is told
        };
        var playing = Task.Run(() => play(pair.Sender), Token);
        var (_, error) = await Courier.CatchAsync(receiving);
        pair.Break();
        await playing.ContinueWith(static _ => { }, TestContext.Current.CancellationToken, TaskContinuationOptions.None, TaskScheduler.Default).WaitAsync(Courier.Patience, Token);
        if (reason is { } expected) Assert.Equal(expected, Assert.IsType<FileException>(error).Reason);
        else Assert.True(error is PeerException { Error: PeerError.ProtocolViolation } or FileException, $"{error}");
        Assert.DoesNotContain('\n', error!.Message);
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.Equal(outside, TempFolder.Describe(_folder.PathOf("canary")));
        Assert.All(Directory.GetFileSystemEntries(_folder.PathOf(".")).Select(Path.GetFileName), name => Assert.Contains(name, (string[])["canary", "in"]));
        if (Directory.Exists(_folder.PathOf("in"))) Assert.All(Directory.GetFileSystemEntries(_folder.PathOf("in")), path => Assert.Contains(".porthole-", path, StringComparison.Ordinal));
    }
}
