using Porthole.Http;
using Porthole.Protocol.Peer;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.AspNetCore;

/// <summary>What a client of HTTP hears of a server that wants no more.</summary>
public sealed class HttpPeerStreamTests : SessionTests
{
    [Fact]
    public async Task A_server_that_has_answered_need_not_hear_the_rest()
    {
        var (here, there) = await OpenAndReadAsync();
        there.AbortReads(7);
        await IsStoppedAsync(here);
        await using var http = new HttpPeerStream(here, new PeerTarget("bob", null));
        await http.WriteAsync(new byte[1], Token);
        await there.WriteAsync("HTTP/1.1 413"u8.ToArray(), Token);
        there.CompleteWrites();
        Assert.Equal("HTTP/1.1 413", await new StreamReader(http).ReadToEndAsync(Token).WaitAsync(SessionEnd.Patience, Token));
    }

    [Theory]
    [InlineData(7L, "wants no more of the stream")]
    [InlineData(StreamRouter.NotServed, "bob serves no HTTP")]
    public async Task Who_writes_to_a_server_that_gave_both_directions_up_is_told(long code, string words)
    {
        var (here, there) = await OpenAndReadAsync();
        there.Abort(code);
        await IsStoppedAsync(here);
        await Assert.ThrowsAsync<PeerException>(() => here.ReadAsync(new byte[1], Token).AsTask().WaitAsync(SessionEnd.Patience, Token));
        await using var http = new HttpPeerStream(here, new PeerTarget("bob", null));
        var error = await Assert.ThrowsAsync<PeerException>(async () => await http.WriteAsync(new byte[1], Token));
        Assert.Equal((PeerError.StreamAborted, code), (error.Error, error.Code));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    /// <summary>A stream whose first byte the other end has read.</summary>
    private async Task<(PeerStream Here, PeerStream There)> OpenAndReadAsync()
    {
        var (here, there) = await OpenAsync();
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
        return (here, there);
    }

    /// <summary>Writes until the word that no more is wanted has come.</summary>
    private static Task<PeerException> IsStoppedAsync(PeerStream stream) => Assert.ThrowsAsync<PeerException>(async () =>
    {
        while (true) await stream.WriteAsync(new byte[10_000], Token).AsTask().WaitAsync(SessionEnd.Patience, Token);
    });
}
