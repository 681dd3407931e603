using Porthole.Protocol.Files;

namespace Porthole.Protocol.Tests.Files;

public sealed class FileFrameTests
{
    [Fact]
    public void Every_frame_comes_back_as_it_was_written()
    {
        byte[] hash = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        Assert.True(FileFrame.TryReadOffer(Payload(FileFrame.WriteOffer(new TransferId(UInt128.MaxValue / 3)), FileFrameType.Offer), out byte version, out var id));
        Assert.Equal((FileLimits.Version, new TransferId(UInt128.MaxValue / 3)), (version, id));
        Assert.True(FileFrame.TryReadEntriesEnd(Payload(FileFrame.WriteEntriesEnd(7, 1L << 40, hash), FileFrameType.EntriesEnd), out int count, out long total, out var digest));
        Assert.Equal((7, 1L << 40), (count, total));
        Assert.Equal(hash, digest.ToArray());
        Assert.True(FileFrame.TryReadRootVerdict(Payload(FileFrame.WriteRootVerdict(3, true), FileFrameType.RootVerdict), out int root, out bool same) && root == 3 && same);
        Assert.True(FileFrame.TryReadBegin(Payload(FileFrame.WriteBegin(5, FileLimits.MaxBytes), FileFrameType.Begin), out long kept, out long rest) && kept == 5 && rest == FileLimits.MaxBytes);
        byte[] start = new byte[FileFrame.FileStartSize];
        FileFrame.WriteFileStart(start, 9, 1L << 33);
        Assert.True(FileFrame.TryReadFileStart(Payload(start, FileFrameType.FileStart), out int index, out long offset) && index == 9 && offset == 1L << 33);
        Assert.True(FileFrame.TryReadFileError(Payload(FileFrame.WriteFileError(FileFrameType.FileFailed, 4, FileError.SourceChanged, "grüße"), FileFrameType.FileFailed), out index, out var reason, out string text));
        Assert.Equal((4, FileError.SourceChanged, "grüße"), (index, reason, text));
        Assert.True(FileFrame.TryReadError(Payload(FileFrame.WriteError(FileError.DiskFull, "full"), FileFrameType.ReceiverError), out reason, out text));
        Assert.Equal((FileError.DiskFull, "full"), (reason, text));
        Assert.True(FileFrame.TryReadAnswer(Payload(FileFrame.WriteAnswer(12, [RootState.Existing, RootState.Blocked]), FileFrameType.Answer), out long ever, out var states) && ever == 12);
        Assert.Equal([RootState.Existing, RootState.Blocked], states);
        Assert.True(FileFrame.TryReadAck(Payload(FileFrame.WriteAck(99), FileFrameType.Ack), out long bytes) && bytes == 99);
        byte[] have = new byte[FileFrame.HaveHeader + 64];
        FileFrame.WriteHaveHeader(have, 2, 1_000_000, 1, 2);
        hash.CopyTo(have, FileFrame.HaveHeader);
        Assert.True(FileFrame.TryReadHave(Payload(have, FileFrameType.Have), out index, out long length, out int first, out var hashes));
        Assert.Equal((2, 1_000_000L, 1, 64), (index, length, first, hashes.Length));
    }

    [Fact]
    public void No_side_ever_sends_what_the_other_does()
    {
        var all = Enum.GetValues<FileFrameType>().Where(type => type != FileFrameType.None).ToList();
        Assert.All(all, type => Assert.InRange(FileFrame.MaxLength(type), 0, FileLimits.MaxPayload));
        Assert.All(all, type => Assert.True((byte)type is (> 0 and < 0x10) or (>= 0x21 and < 0x30), $"{type}"));
        Assert.DoesNotContain(all, type => (byte)type == Porthole.Protocol.Applications.StreamPreamble.Files.Length);
    }

    [Fact]
    public void A_length_that_the_type_cannot_have_is_refused_by_the_header()
    {
        byte[] header = new byte[FileFrame.HeaderSize];
        for (int type = 0; type < 256; type++)
        {
            int most = FileFrame.MaxLength((FileFrameType)type);
            FileFrame.WriteHeader(header, (FileFrameType)type, Math.Max(0, most));
            Assert.Equal(most >= 0, FileFrame.TryReadHeader(header, out _, out _));
            FileFrame.WriteHeader(header, (FileFrameType)type, most + 1);
            Assert.False(most >= 0 && FileFrame.TryReadHeader(header, out _, out _));
        }

        Assert.False(FileFrame.TryReadHeader(header.AsSpan(0, 3), out _, out _));
    }

    [Fact]
    public void A_long_text_is_cut_between_letters_and_comes_without_control_characters()
    {
        string text = new('文', 1_000);
        Assert.True(FileFrame.TryReadError(Payload(FileFrame.WriteError(FileError.Failed, text), FileFrameType.ReceiverError), out _, out string read));
        Assert.Equal(FileLimits.MaxText / 3, read.Length);
        Assert.True(FileFrame.TryReadError(Payload(FileFrame.WriteError(FileError.Failed, "a\u001b[0m\r\nb"), FileFrameType.ReceiverError), out _, out read));
        Assert.Equal("a[0mb", read);
        Assert.False(FileFrame.TryReadError([0, 0xFF], out _, out _));
        Assert.True(FileFrame.TryReadError([200], out var reason, out _));
        Assert.Equal(FileError.Failed, reason);
    }

    [Fact]
    public void No_bytes_make_a_reader_throw()
    {
        var random = new Random(6);
        for (int round = 0; round < 100_000; round++)
        {
            byte[] bytes = new byte[random.Next(80)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0) bytes.AsSpan(0, Math.Min(bytes.Length, random.Next(12))).Clear();
            FileFrame.TryReadHeader(bytes, out _, out _);
            FileFrame.TryReadOffer(bytes, out _, out _);
            if (FileFrame.TryReadEntriesEnd(bytes, out int count, out long total, out _)) Assert.True(count >= 0 && total is >= 0 and <= FileLimits.MaxBytes);
            FileFrame.TryReadRootVerdict(bytes, out _, out _);
            if (FileFrame.TryReadBegin(bytes, out long kept, out long rest)) Assert.True(kept >= 0 && rest >= 0);
            if (FileFrame.TryReadFileStart(bytes, out int index, out long offset)) Assert.True(index >= 0 && offset >= 0);
            FileFrame.TryReadChunk(bytes, out _, out _);
            FileFrame.TryReadFileError(bytes, out _, out _, out _);
            FileFrame.TryReadError(bytes, out _, out _);
            if (FileFrame.TryReadAnswer(bytes, out _, out var states)) Assert.All(states, state => Assert.True(Enum.IsDefined(state)));
            if (FileFrame.TryReadHave(bytes, out index, out _, out int first, out var hashes)) Assert.True(index >= 0 && first >= 0 && hashes.Length % 32 == 0);
            FileFrame.TryReadAck(bytes, out _);
        }
    }

    private static byte[] Payload(byte[] frame, FileFrameType expected)
    {
        Assert.True(FileFrame.TryReadHeader(frame, out var type, out int length));
        Assert.Equal((expected, frame.Length - FileFrame.HeaderSize), (type, length));
        return frame[FileFrame.HeaderSize..];
    }
}
