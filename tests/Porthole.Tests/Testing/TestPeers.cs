using System.Diagnostics;

namespace Porthole.Tests.Testing;

/// <summary>What tests do with peers of a test network.</summary>
internal static class TestPeers
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Connects one peer to another by name.</summary>
    /// <returns>Both ends.</returns>
    public static async Task<(PeerConnection There, PeerConnection Here)> ConnectAsync(PeerNode caller, PeerNode called)
    {
        var accepting = called.AcceptAsync(Token).AsTask();
        var there = await caller.ConnectAsync(called.Name!, Token).WaitAsync(Patience, Token);
        return (there, await accepting.WaitAsync(Patience, Token));
    }

    /// <summary>Sends bytes one way on a stream and back again.</summary>
    public static async Task ExchangeAsync(PeerConnection there, PeerConnection here, int length = 10_000)
    {
        byte[] sent = new byte[length];
        new Random(length).NextBytes(sent);
        await using var asking = await there.OpenStreamAsync(Token);
        var echoing = EchoAsync(here);
        using var back = new MemoryStream();
        var reading = asking.CopyToAsync(back, Token); // at once: who only writes stops where the other side has not read
        await asking.WriteAsync(sent, Token).AsTask().WaitAsync(Patience, Token);
        asking.CompleteWrites();
        await reading.WaitAsync(Patience, Token);
        Assert.True(sent.AsSpan().SequenceEqual(back.ToArray()));
        await echoing.WaitAsync(Patience, Token);
    }

    /// <summary>Waits until something is the case.</summary>
    public static async Task UntilAsync(Func<bool> isSo, Func<string>? otherwise = null)
    {
        var began = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            if (Stopwatch.GetElapsedTime(began) > Patience) Assert.Fail(otherwise?.Invoke() ?? "It did not come about.");
            await Task.Delay(5, Token);
        }
    }

    private static async Task EchoAsync(PeerConnection here)
    {
        await using var answering = await here.AcceptStreamAsync(Token);
        await answering.CopyToAsync(answering, Token);
        answering.CompleteWrites();
    }
}
