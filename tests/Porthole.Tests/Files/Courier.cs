using Porthole.Files;
using Porthole.Protocol;
using Porthole.Protocol.Files;

namespace Porthole.Tests.Files;

/// <summary>A sender and a receiver with a stream in memory between them, one attempt at a time.</summary>
internal static class Courier
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public static readonly PeerId Alice = new([.. Enumerable.Repeat((byte)7, PeerId.Size)]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>One attempt; what each side ended with.</summary>
    public static async Task<Outcome> RunAsync(FileSender sender, FileReceiver receiver, StreamPair? pair = null)
    {
        pair ??= new StreamPair();
        var receiving = ReceiveAsync(receiver, pair);
        var sending = SendAsync(sender, pair);
        var (sent, sendError) = await CatchAsync(sending);
        var (received, receiveError) = await CatchAsync(receiving);
        return new Outcome(sent, sendError, received, receiveError, pair.Sender.ChunkBytes);
    }

    /// <summary>One attempt that must succeed.</summary>
    public static async Task<Outcome> DeliverAsync(FileSender sender, FileReceiver receiver)
    {
        var outcome = await RunAsync(sender, receiver);
        Assert.True(outcome.SendError is null && outcome.ReceiveError is null, $"{outcome.SendError} {outcome.ReceiveError}");
        return outcome;
    }

    public static Task<FileReceiveReport> ReceiveAsync(FileReceiver receiver, StreamPair pair, PeerId? from = null) =>
        receiver.ReceiveAsync(pair.Receiver, pair.Receiver.CompleteWrites, from ?? Alice, "alice", () => PathKind.Udp, Token);

    public static async Task<FileSendReport> SendAsync(FileSender sender, StreamPair pair)
    {
        try
        {
            var attempt = sender.Attempt(await sender.WalkAsync(Token), "bob", () => PathKind.Udp);
            await attempt.RunAsync(pair.Sender, pair.Sender.CompleteWrites, Token);
            return sender.Report(attempt, TimeProvider.System.GetTimestamp());
        }
        finally
        {
            pair.Sender.CompleteWrites();
        }
    }

    public static async Task<(T? Value, Exception? Error)> CatchAsync<T>(Task<T> task)
        where T : class
    {
        try
        {
            return (await task.WaitAsync(Patience, Token), null);
        }
        catch (IOException exception)
        {
            return (null, exception);
        }
    }

    /// <summary>What came of an attempt.</summary>
    internal sealed record Outcome(FileSendReport? Sent, Exception? SendError, FileReceiveReport? Received, Exception? ReceiveError, long ChunkBytes)
    {
        public FileError? SendReason => (SendError as FileException)?.Reason;

        public FileError? ReceiveReason => (ReceiveError as FileException)?.Reason;
    }
}
