using System.Security.Cryptography;
using Porthole.Files;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.Files;

/// <summary>Whatever a receiver answers: one line, and never more data than it may have.</summary>
public sealed class HostileReceiverTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, byte[]> BadAnswers()
    {
        byte[] answer = FileFrame.WriteAnswer(0, [RootState.Wanted]), end = FileFrame.Write(FileFrameType.HaveEnd);
        static byte[] Refusal() => FileFrame.WriteFileError(FileFrameType.FileRefused, 0, FileError.Failed, "x");
        return new TheoryData<string, byte[]>
        {
            { "no answer", end },
            { "an answer of two roots", FileFrame.WriteAnswer(0, [RootState.Wanted, RootState.Wanted]) },
            { "an unknown state", [.. answer[..^1], 4] },
            { "two answers", [.. answer, .. answer] },
            { "more than the size", [.. answer, .. Have(0, 2 * FileLimits.ChunkSize + 1, 0, 3)] },
            { "nothing", [.. answer, .. Have(0, 0, 0, 1)] },
            { "a file that there is not", [.. answer, .. Have(1, 5, 0, 1)] },
            { "more hashes than chunks", [.. answer, .. Have(0, 5, 0, 2)] },
            { "hashes from the middle", [.. answer, .. Have(0, 2 * FileLimits.ChunkSize, 1, 1)] },
            { "hashes twice", [.. answer, .. Have(0, 5, 0, 1), .. Have(0, 5, 0, 1)] },
            { "another length", [.. answer, .. Have(0, 2 * FileLimits.ChunkSize, 0, 1), .. Have(0, 5, 1, 1)] },
            { "more than was sent", [.. answer, .. end, .. FileFrame.WriteAck(FileLimits.MaxBytes)] },
            { "less than before", [.. answer, .. end, .. FileFrame.WriteAck(1), .. FileFrame.WriteAck(0)] },
            { "finished before the end", [.. answer, .. end, .. FileFrame.Write(FileFrameType.Finished)] },
            { "hashes too late", [.. answer, .. end, .. Have(0, 5, 0, 1)] },
            { "a refusal of a file that there is not", [.. answer, .. end, .. FileFrame.WriteFileError(FileFrameType.FileRefused, 3, FileError.Failed, "x")] },
            { "a refusal of one file twice", [.. answer, .. Refusal(), .. Refusal()] },
            { "a frame of the sender", [.. answer, .. end, .. FileFrame.WriteBegin(0, 0)] },
            { "an unknown frame", [.. answer, 0x66, 0, 0, 1, 1] },
            { "a frame too long", [.. answer, (byte)FileFrameType.Have, 0xFF, 0xFF, 0xFF] },
        };
    }

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task What_comes_out_of_turn_ends_the_transfer(string what, byte[] answers)
    {
        string file = _folder.Write("one.bin", new byte[2 * FileLimits.ChunkSize]);
        var pair = new StreamPair();
        var sending = Courier.SendAsync(new FileSender([file]), pair);
        await pair.Receiver.WriteRawAsync(FileFrame.WriteWelcome(), Token);
        await pair.Receiver.WriteRawAsync(answers, Token);
        var drained = DrainAsync(pair);
        var error = Assert.IsType<PeerException>((await Courier.CatchAsync(sending)).Error);
        Assert.True(error.Error == PeerError.ProtocolViolation, $"{what}: {error.Message}");
        Assert.DoesNotContain('\n', error.Message);
        pair.Break();
        await drained;
    }

    [Fact]
    public async Task Wrong_hashes_keep_nothing()
    {
        string file = _folder.Write("one.bin", new byte[2 * FileLimits.ChunkSize]);
        var pair = new StreamPair();
        var kept = new List<FileTransferEvent>();
        var sending = Courier.SendAsync(new FileSender([file], new FileSendOptions { Observer = kept.Add }), pair);
        await pair.Receiver.WriteRawAsync(FileFrame.WriteWelcome(), Token);
        await pair.Receiver.WriteRawAsync((byte[])[.. FileFrame.WriteAnswer(0, [RootState.Wanted]), .. Have(0, 2 * FileLimits.ChunkSize, 0, 2), .. FileFrame.Write(FileFrameType.HaveEnd)], Token);
        var drained = DrainAsync(pair);
        while (pair.Sender.ChunkBytes < 2 * FileLimits.ChunkSize) await Task.Delay(2, Token);
        pair.Break();
        Assert.IsType<PeerException>((await Courier.CatchAsync(sending)).Error);
        Assert.Equal(0, Assert.Single(kept.OfType<FileTransferEvent.Started>()).BytesHere);
        await drained;
    }

    [Fact]
    public async Task A_receiver_that_acknowledges_nothing_gets_one_window_and_no_more()
    {
        string file = _folder.Write("one.bin", new byte[FileLimits.Window + 5 * FileLimits.ChunkSize]);
        var pair = new StreamPair();
        var clock = new ManualTimeProvider();
        clock.Advance(TimeSpan.FromSeconds(1));
        var sending = Courier.SendAsync(new FileSender([file], new FileSendOptions { StallTimeout = TimeSpan.FromSeconds(20), TimeProvider = clock }), pair);
        await pair.Receiver.WriteRawAsync(FileFrame.WriteWelcome(), Token);
        await pair.Receiver.WriteRawAsync((byte[])[.. FileFrame.WriteAnswer(0, [RootState.Wanted]), .. FileFrame.Write(FileFrameType.HaveEnd)], Token);
        var drained = DrainAsync(pair);
        while (!sending.IsCompleted)
        {
            // One that sends more than a window has twenty chances to do so.
            if (pair.Sender.ChunkBytes >= FileLimits.Window) clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(sending, Task.Delay(10, Token));
        }

        Assert.Equal(PeerError.TimedOut, Assert.IsType<PeerException>((await Courier.CatchAsync(sending)).Error).Error);
        Assert.Equal(FileLimits.Window, pair.Sender.ChunkBytes);
        pair.Break();
        await drained;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_peer_that_does_not_receive_is_told_from_one_that_does(bool echoes)
    {
        string file = _folder.Write("one.bin", [1]);
        var pair = new StreamPair();
        var sending = Courier.SendAsync(new FileSender([file]), pair);
        await pair.Receiver.WriteRawAsync(echoes ? StreamPreamble.Write(StreamPreamble.Files) : "HELLO SOMETHING ELSE"u8.ToArray(), Token);
        var error = Assert.IsType<PeerException>((await Courier.CatchAsync(sending)).Error);
        Assert.Equal(PeerError.Refused, error.Error);
        Assert.Contains("porthole receive", error.Message, StringComparison.Ordinal);
        pair.Break();
    }

    [Fact]
    public async Task A_complaint_of_the_receiver_comes_without_what_a_terminal_would_obey()
    {
        string file = _folder.Write("one.bin", [1]);
        var pair = new StreamPair();
        var sending = Courier.SendAsync(new FileSender([file]), pair);
        await pair.Receiver.WriteRawAsync(FileFrame.WriteWelcome(), Token);
        await pair.Receiver.WriteRawAsync(FileFrame.WriteError(FileError.DiskFull, "no\u001b[2J room\r\nfake line"), Token);
        var error = Assert.IsType<FileException>((await Courier.CatchAsync(sending)).Error);
        Assert.Equal((FileError.DiskFull, true, "bob says: no[2J roomfake line"), (error.Reason, error.IsRemote, error.Message));
        pair.Break();
    }

    private static byte[] Have(int index, long length, int first, int hashes)
    {
        byte[] frame = new byte[FileFrame.HaveHeader + hashes * FileLimits.HashSize];
        FileFrame.WriteHaveHeader(frame, index, length, first, hashes);
        SHA256.HashData(frame).CopyTo(frame, FileFrame.HaveHeader);
        return frame;
    }

    private static async Task DrainAsync(StreamPair pair)
    {
        byte[] buffer = new byte[100_000];
        try
        {
            while (await pair.Receiver.ReadAsync(buffer, Token) > 0)
            {
                // Takes everything, as a receiver with much room.
            }
        }
        catch (IOException)
        {
            // The test has broken the stream.
        }
    }
}
