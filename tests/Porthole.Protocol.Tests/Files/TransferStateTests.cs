using Porthole.Protocol.Files;

namespace Porthole.Protocol.Tests.Files;

/// <summary>The two sides' states against each other, and against calls in any order.</summary>
public sealed class TransferStateTests
{
    [Fact]
    public void A_receiver_takes_what_is_in_turn_and_nothing_else()
    {
        var manifest = Plant(FileLimits.ChunkSize + 5, 0, 7);
        var state = new ReceivingState(manifest, [RootState.Wanted]);
        Assert.False(state.HandleFileStart(1, 0));
        Assert.True(state.HandleBegin(0, manifest.TotalBytes));
        Assert.False(state.HandleBegin(0, 0));
        Assert.False(state.HandleFileStart(0, 0)); // a folder
        Assert.False(state.HandleFileStart(2, 0)); // not its turn
        Assert.False(state.HandleFileStart(1, 1)); // nothing was here
        Assert.True(state.HandleFileStart(1, 0));
        Assert.False(state.HandleChunk(5));
        Assert.True(state.HandleChunk(FileLimits.ChunkSize));
        state.HandleWritten(FileLimits.ChunkSize);
        Assert.False(state.HandleFileEnd());
        Assert.False(state.HandleChunk(6));
        Assert.True(state.HandleChunk(5));
        state.HandleWritten(5);
        Assert.False(state.HandleChunk(1));
        Assert.True(state.HandleFileEnd());
        Assert.True(state.HandleFileStart(2, 0));
        Assert.True(state.HandleFileEnd());
        Assert.False(state.HandleDone());
        Assert.False(state.HandleFileFailed(1));
        Assert.True(state.HandleFileFailed(3));
        Assert.True(state.HandleDone());
        Assert.False(state.HandleDone());
        Assert.Equal(FileLimits.ChunkSize + 5, state.TakeAck());
    }

    [Fact]
    public void A_file_goes_on_only_from_what_was_here()
    {
        const long Size = 3 * FileLimits.ChunkSize;
        foreach (var (here, offset, isAllowed) in ((long, long, bool)[])[(0, 0, true), (1_000, 1_000, true), (1_000, 0, true), (1_000, 999, false), (1_000, 1_001, false),
            (FileLimits.ChunkSize + 9, FileLimits.ChunkSize, true), (FileLimits.ChunkSize + 9, 2 * FileLimits.ChunkSize, false), (Size, Size, true)])
        {
            var state = new ReceivingState(Plant(Size), [RootState.Wanted]);
            if (here > 0) state.Offer(1, here);
            Assert.True(state.HandleBegin(offset, Size - offset));
            Assert.Equal(isAllowed, state.HandleFileStart(1, offset));
        }
    }

    [Fact]
    public void A_root_that_is_there_is_judged_once_and_sent_only_if_it_gives_way()
    {
        var manifest = new Manifest();
        foreach (string name in (string[])["a", "b", "c", "d"]) Assert.Equal(ManifestFault.None, manifest.Add(new ManifestEntry(false, -1, name, 1, 0, 0)));
        var state = new ReceivingState(manifest, [RootState.Existing, RootState.Replaceable, RootState.Blocked, RootState.Wanted]);
        Assert.False(state.HandleBegin(0, 0));
        Assert.False(state.HandleRootVerdict(2, true));
        Assert.False(state.HandleRootVerdict(4, true));
        Assert.True(state.HandleRootVerdict(0, true));
        Assert.False(state.HandleRootVerdict(0, false));
        Assert.True(state.HandleRootVerdict(1, false));
        Assert.True(state.HandleBegin(1, 2));
        Assert.True(state.IsSame(0) && !state.IsSent(0) && state.IsSent(1) && !state.IsSent(2) && state.IsSent(3));
        Assert.False(state.HandleFileStart(0, 0));
        Assert.True(state.HandleFileStart(1, 0));
    }

    [Fact]
    public void A_sender_is_never_farther_ahead_than_the_window()
    {
        var state = new SendingState(Plant(1 << 30));
        Assert.False(state.HandleAnswer(0, [RootState.Wanted]));
        Assert.True(state.HandleWelcome());
        Assert.False(state.HandleHaveEnd());
        Assert.True(state.HandleAnswer(0, [RootState.Wanted]));
        Assert.False(state.HandleAck(0));
        Assert.True(state.HandleHaveEnd());
        Assert.Equal(FileLimits.Window, state.Room);
        state.HandleSent(FileLimits.ChunkSize);
        Assert.Equal(FileLimits.Window - FileLimits.ChunkSize, state.Room);
        Assert.False(state.HandleAck(FileLimits.ChunkSize + 1));
        Assert.True(state.HandleAck(FileLimits.ChunkSize));
        Assert.False(state.HandleAck(FileLimits.ChunkSize - 1));
        Assert.False(state.HandleFinished(isDone: false));
        Assert.True(state.HandleFinished(isDone: true));
        Assert.True(state.IsFinished);
    }

    [Fact]
    public void Calls_in_any_order_never_throw_and_never_take_more_than_was_declared()
    {
        var random = new Random(12);
        for (int round = 0; round < 3_000; round++)
        {
            var manifest = Plant(random.Next(600_000), random.Next(3), random.Next(600_000));
            var state = new ReceivingState(manifest, [(RootState)random.Next(4)]);
            var sending = new SendingState(manifest);
            for (int i = 0; i < 40; i++)
            {
                int index = random.Next(5);
                switch (random.Next(12))
                {
                    case 0: state.HandleRootVerdict(random.Next(2), random.Next(2) == 0); break;
                    case 1: state.HandleBegin(0, manifest.TotalBytes); break;
                    case 2 or 3 or 4: state.HandleFileStart(Math.Max(1, state.File + 1), 0); break;
                    case 5 or 6:
                        int size = random.Next(2) == 0 ? FileLimits.ChunkSize : random.Next(300_000);
                        if (state.HandleChunk(size)) state.HandleWritten(size);
                        break;
                    case 7: state.HandleFileEnd(); break;
                    case 8: state.HandleFileFailed(index); break;
                    case 9: state.HandleDone(); break;
                    case 10:
                        sending.HandleWelcome();
                        sending.HandleAnswer(0, [RootState.Wanted]);
                        break;
                    default: sending.HandleHave(index, random.Next(700_000), random.Next(3), random.Next(4)); break;
                }
            }

            Assert.InRange(state.Received, 0, manifest.TotalBytes);
        }
    }

    /// <summary>A folder with files of some sizes.</summary>
    private static Manifest Plant(params long[] sizes)
    {
        var manifest = new Manifest();
        Assert.Equal(ManifestFault.None, manifest.Add(new ManifestEntry(true, -1, "root", 0, 0, 0)));
        for (int i = 0; i < sizes.Length; i++) Assert.Equal(ManifestFault.None, manifest.Add(new ManifestEntry(false, 0, $"{i:D4}", sizes[i], 0, 0)));
        return manifest;
    }
}
