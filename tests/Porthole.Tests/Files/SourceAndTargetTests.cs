using System.Diagnostics;
using Porthole.Files;
using Porthole.Protocol.Files;

namespace Porthole.Tests.Files;

/// <summary>What people have on their disks: links, pipes, files that change or vanish, names that are taken, disks that are full.</summary>
public sealed class SourceAndTargetTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<FileTransferEvent> _told = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Links_special_files_and_names_that_cannot_be_sent_are_left_out_with_a_line_each()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links and pipes of Unix");
        _folder.Write("out/box/good.txt", [1]);
        _folder.Write("out/secret", [2]);
        File.CreateSymbolicLink(_folder.PathOf("out/box/link"), _folder.PathOf("out/secret"));
        File.CreateSymbolicLink(_folder.PathOf("out/box/loop"), _folder.PathOf("out/box"));
        File.CreateSymbolicLink(_folder.PathOf("out/box/nowhere"), "/does/not/exist");
        _folder.Write("out/box/back\\slash", [3]);
        _folder.Write("out/box/line\nbreak", [3]);
        _folder.Write("out/box/GOOD.TXT", [4]);
        using (var mkfifo = Process.Start("mkfifo", _folder.PathOf("out/box/pipe"))) await mkfifo.WaitForExitAsync(Token);
        var outcome = await Courier.DeliverAsync(Sender("out/box"), Receiver());
        Assert.Equal((1, 7), (outcome.Sent!.Files, outcome.Sent.Skipped));
        var skipped = _told.OfType<FileTransferEvent.Skipped>().ToList();
        Assert.Equal(7, skipped.Count);
        Assert.All(skipped, one => Assert.DoesNotContain(one.Text, char.IsControl));
        Assert.Equal([FileError.Link, FileError.Link, FileError.Link, FileError.NameNotAllowed, FileError.NameNotAllowed, FileError.NameNotAllowed, FileError.SpecialFile], skipped.Select(one => one.Reason).Order(Comparer<FileError>.Create((left, right) => string.CompareOrdinal(left.ToString(), right.ToString()))));
        Assert.Single(skipped, static one => one.Text.Contains("only in upper and lower case", StringComparison.Ordinal));
        Assert.Single(Directory.GetFileSystemEntries(_folder.PathOf("in/box")));
    }

    [Fact]
    public async Task What_cannot_be_sent_at_all_is_said_before_anybody_is_called()
    {
        _folder.Write("out/a/x", [1]);
        _folder.Write("out/b/X", [1]);
        await FailAsync(FileError.NotFound, "out/missing");
        await FailAsync(FileError.NameNotAllowed, "out/a/x", "out/b/X");
        await FailAsync(FileError.NothingToSend);
        if (OperatingSystem.IsWindows()) return;
        File.CreateSymbolicLink(_folder.PathOf("out/link"), _folder.PathOf("out/a"));
        await FailAsync(FileError.Link, "out/link");
        await FailAsync(FileError.SpecialFile, "/dev/null");
        await FailAsync(FileError.NameNotAllowed, "/");
    }

    [Theory]
    [InlineData("touch")]
    [InlineData("grow")]
    [InlineData("shrink")]
    [InlineData("vanish")]
    [InlineData("link")]
    [InlineData("pipe")]
    public async Task A_source_that_changes_while_it_is_sent_fails_alone_and_the_rest_goes_on(string how)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() && how is "link" or "pipe", "links and pipes of Unix");
        byte[] bytes = new byte[3 * FileLimits.ChunkSize];
        _folder.Write("out/box/a", bytes);
        string changing = _folder.Write("out/box/b", bytes);
        _folder.Write("out/box/c", bytes);
        _folder.Write("out/z", bytes);
        var pair = new StreamPair();
        pair.Receiver.Seen = type =>
        {
            // Between the walk and the reading of b.
            if (type != FileFrameType.Answer) return;
            switch (how)
            {
                case "touch": File.SetLastWriteTimeUtc(changing, DateTime.UtcNow.AddDays(1)); break;
                case "grow": File.AppendAllText(changing, "more"); break;
                case "shrink": File.WriteAllBytes(changing, bytes[1..]); break;
                default: File.Delete(changing); break;
            }

            if (how == "link") File.CreateSymbolicLink(changing, "/etc/hostname");
            if (how == "pipe") RunAsync("mkfifo", changing).Wait(Token); // who opened it would wait for ever
        };
        var outcome = await Courier.RunAsync(Sender("out/box", "out/z"), Receiver(), pair);
        var reason = how switch { "vanish" => FileError.NotFound, "link" => FileError.Link, "pipe" => FileError.SpecialFile, _ => FileError.SourceChanged };
        Assert.Equal((reason, reason), (outcome.SendReason, outcome.ReceiveReason));
        Assert.True(File.Exists(_folder.PathOf("in/z")));
        Assert.False(Directory.Exists(_folder.PathOf("in/box")));

        File.Delete(changing);
        File.WriteAllBytes(changing, bytes);
        outcome = await Courier.DeliverAsync(Sender("out/box", "out/z"), Receiver());
        Assert.InRange(outcome.ChunkBytes, 0, bytes.Length);
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out/box")), TempFolder.Describe(_folder.PathOf("in/box")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_source_that_changes_behind_the_reading_is_not_taken_for_whole(bool inPlace)
    {
        byte[] bytes = new byte[24 * FileLimits.ChunkSize]; // far more than lies between the reading and the stream
        string changing = _folder.Write("out/box/a", bytes);
        File.SetLastWriteTimeUtc(changing, DateTime.UtcNow.AddDays(-1));
        _folder.Write("out/z", [1]);
        var pair = new StreamPair();
        int chunks = 0;
        pair.Sender.Seen = type =>
        {
            // What is read already is written over: the end of the file is as it was.
            if (type != FileFrameType.Chunk || ++chunks != 2) return;
            using var file = new FileStream(changing, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            if (inPlace) file.WriteByte(1);
            else file.SetLength(bytes.Length + 1);
            file.Flush();
        };
        var outcome = await Courier.RunAsync(Sender("out/box", "out/z"), Receiver(), pair);
        Assert.Equal((FileError.SourceChanged, FileError.SourceChanged), (outcome.SendReason, outcome.ReceiveReason));
        Assert.False(Directory.Exists(_folder.PathOf("in/box")));
        Assert.True(File.Exists(_folder.PathOf("in/z")));

        await Courier.DeliverAsync(Sender("out/box", "out/z"), Receiver());
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out/box")), TempFolder.Describe(_folder.PathOf("in/box")));
    }

    [Fact]
    public async Task What_is_under_way_is_for_nobody_else_to_read()
    {
        if (OperatingSystem.IsWindows()) return; // permissions of Unix
        foreach (string name in (string[])["out/alone", "out/box/file"])
        {
            File.SetUnixFileMode(_folder.Write(name, new byte[3 * FileLimits.ChunkSize]), (UnixFileMode)0b110_100_100);
            var pair = new StreamPair();
            pair.Sender.BreakAfterBytes = 2 * FileLimits.ChunkSize;
            await Courier.RunAsync(Sender(name == "out/alone" ? name : "out/box"), Receiver(), pair);
        }

        string[] left = Directory.GetFileSystemEntries(_folder.PathOf("in"));
        Assert.Equal(4, left.Length); // of each the part, and the journal
        foreach (string path in left.Append(Path.Combine(left.Single(Directory.Exists), "file"))) Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & (UnixFileMode)0b111_111);
        await Courier.DeliverAsync(Sender("out/alone"), Receiver());
        Assert.Equal((UnixFileMode)0b110_100_100, File.GetUnixFileMode(_folder.PathOf("in/alone")));
    }

    [Fact]
    public async Task What_is_there_stays_and_what_is_there_already_counts()
    {
        _folder.Write("out/same", [1, 2, 3]);
        _folder.Write("out/other", [1, 2, 3]);
        _folder.Write("out/longer", [1, 2, 3]);
        _folder.Write("out/new", [1, 2, 3]);
        _folder.Write("out/box/file", [1, 2, 3]);
        _folder.Write("in/same", [1, 2, 3]);
        _folder.Write("in/other", [1, 2, 4]);
        _folder.Write("in/longer", [1, 2, 3, 4]);
        _folder.Write("in/box/file", [1, 2, 3]);
        _folder.Write("in/box/mine", [9]);
        var outcome = await Courier.RunAsync(Sender("out/same", "out/other", "out/longer", "out/new", "out/box"), Receiver());
        Assert.Equal((FileError.Exists, FileError.Exists), (outcome.SendReason, outcome.ReceiveReason));
        Assert.Equal(3, outcome.ChunkBytes);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder.PathOf("in/new")));
        Assert.Equal([1, 2, 4], File.ReadAllBytes(_folder.PathOf("in/other")));
        Assert.Equal([1, 2, 3, 4], File.ReadAllBytes(_folder.PathOf("in/longer")));
        Assert.Empty(Directory.GetFiles(_folder.PathOf("in"), EntryName.JournalPrefix + "*"));
        outcome = await Courier.DeliverAsync(Sender("out/same", "out/new", "out/box"), Receiver());
        Assert.Equal((0L, 0L, 3), (outcome.ChunkBytes, outcome.Sent!.Resent, outcome.Received!.Roots.Count(root => root.WasHere)));
    }

    [Fact]
    public async Task With_overwrite_files_give_way_and_others_in_a_folder_stay()
    {
        _folder.Write("out/same", [1, 2, 3]);
        _folder.Write("out/other", [1, 2, 3]);
        _folder.Write("out/box/sub/file", [1, 2, 3]);
        _folder.Write("out/box/read only/new", [5]);
        _folder.Write("in/same", [1, 2, 3]);
        _folder.Write("in/other", [7]);
        _folder.Write("in/box/sub/file", [8]);
        _folder.Write("in/box/mine", [9]);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_folder.PathOf("out/box/read only"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var outcome = await Courier.DeliverAsync(Sender("out/same", "out/other", "out/box"), Receiver(overwrite: true));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder.PathOf("in/box/read only")));
        Assert.Equal((7L, 0L), (outcome.ChunkBytes, outcome.Sent!.Resent));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder.PathOf("in/other")));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder.PathOf("in/box/sub/file")));
        Assert.Equal([9], File.ReadAllBytes(_folder.PathOf("in/box/mine")));
        Assert.Equal(3, Directory.GetFileSystemEntries(_folder.PathOf("in")).Length);
    }

    [Fact]
    public async Task With_overwrite_a_link_in_a_folder_stays_and_the_other_folders_arrive()
    {
        _folder.Write("out/a/file", [1, 2, 3]);
        _folder.Write("out/b/file", [1, 2, 3]);
        string mine = _folder.Write("mine", [9]);
        _folder.Write("in/b/file", [8]);
        Directory.CreateDirectory(_folder.PathOf("in/a"));
        File.CreateSymbolicLink(_folder.PathOf("in/a/file"), mine);
        var outcome = await Courier.RunAsync(Sender("out/a", "out/b"), Receiver(overwrite: true));
        Assert.Equal((FileError.Exists, FileError.Exists), (outcome.SendReason, outcome.ReceiveReason));
        Assert.Equal(mine, new FileInfo(_folder.PathOf("in/a/file")).LinkTarget);
        Assert.Equal([9], File.ReadAllBytes(mine));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder.PathOf("in/b/file")));
    }

    [Fact]
    public async Task A_name_that_is_taken_while_the_file_arrives_is_not_overwritten()
    {
        byte[] bytes = new byte[FileLimits.ChunkSize];
        _folder.Write("out/one.bin", bytes);
        var pair = new StreamPair();
        pair.Sender.Seen = type =>
        {
            if (type == FileFrameType.FileEnd) _folder.Write("in/one.bin", [1]);
        };
        var outcome = await Courier.RunAsync(Sender("out/one.bin"), Receiver(), pair);
        Assert.Equal(FileError.Exists, outcome.ReceiveReason);
        Assert.Equal(FileError.Exists, outcome.SendReason);
        Assert.Equal([1], File.ReadAllBytes(_folder.PathOf("in/one.bin")));
        File.Delete(_folder.PathOf("in/one.bin"));
        outcome = await Courier.DeliverAsync(Sender("out/one.bin"), Receiver());
        Assert.Equal(0, outcome.ChunkBytes);
    }

    [Fact]
    public async Task A_disk_that_fills_up_is_one_line_and_nothing_is_lost()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "mounts a small disk");
        byte[] bytes = new byte[3 << 20];
        new Random(1).NextBytes(bytes);
        _folder.Write("out/one.bin", bytes);
        string disk = _folder.PathOf("in");
        Directory.CreateDirectory(disk);
        await RunAsync("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk);
        try
        {
            var pair = new StreamPair();
            pair.Receiver.Seen = type =>
            {
                if (type == FileFrameType.HaveEnd) File.WriteAllBytes(Path.Combine(disk, "somebody else's"), new byte[2 << 20]);
            };
            var outcome = await Courier.RunAsync(Sender("out/one.bin"), Receiver(), pair);
            Assert.Equal((FileError.DiskFull, FileError.DiskFull), (outcome.SendReason, outcome.ReceiveReason));
            Assert.DoesNotContain('\n', outcome.ReceiveError!.Message);
            outcome = await Courier.RunAsync(Sender("out/one.bin"), Receiver());
            Assert.Equal((FileError.DiskFull, 0L), (outcome.ReceiveReason, outcome.ChunkBytes)); // said before a byte is sent
            File.Delete(Path.Combine(disk, "somebody else's"));
            outcome = await Courier.DeliverAsync(Sender("out/one.bin"), Receiver());
            Assert.InRange(outcome.ChunkBytes, 0, 2 << 20);
            Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(disk, "one.bin")));
        }
        finally
        {
            await RunAsync("umount", disk);
        }
    }

    [Fact]
    public async Task A_name_that_the_disk_cannot_hold_fails_alone()
    {
        _folder.Write("out/box/fine", [1]);
        _folder.Write("out/box/aux", [2]);
        _folder.Write("out/aux/con.txt", [3]);
        string longest = new('x', 255);
        _folder.Write("out/" + longest, [4]);
        if (OperatingSystem.IsWindows()) return; // refused there as a whole: EntryNameTests
        await Courier.DeliverAsync(Sender("out/box", "out/aux", "out/" + longest), Receiver());
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out")), TempFolder.Describe(_folder.PathOf("in")));
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(Token);
        Assert.Equal(0, process.ExitCode);
    }

    private FileSender Sender(params string[] paths) => new(paths.Select(_folder.PathOf), new FileSendOptions { Observer = _told.Add });

    private FileReceiver Receiver(bool overwrite = false) => new(_folder.PathOf("in"), new FileReceiveOptions { Overwrite = overwrite });

    private async Task FailAsync(FileError reason, params string[] paths)
    {
        var error = await Assert.ThrowsAsync<FileException>(() => Sender(paths).SendAsync(_ => throw new InvalidOperationException("nobody is to be called"), Token));
        Assert.Equal(reason, error.Reason);
        Assert.DoesNotContain('\n', error.Message);
    }
}
