namespace Porthole.Tests.Runtime;

/// <summary>Tests of what runs on the streams of a session: Alice and Bob are its ends.</summary>
public abstract class SessionTests : IAsyncLifetime
{
    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    private protected SessionEnd Alice { get; private set; } = null!;

    private protected SessionEnd Bob { get; private set; } = null!;

    public async ValueTask InitializeAsync() => (Alice, Bob) = await SessionEnd.ConnectAsync();

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Alice.DisposeAsync();
        await Bob.DisposeAsync();
    }

    /// <summary>A stream at both ends. There is a byte on it, a zero, without which the other end would not hear of it.</summary>
    private protected async Task<(PeerStream Here, PeerStream There)> OpenAsync()
    {
        var here = await Alice.OpenAsync();
        await here.WriteAsync(new byte[1], Token);
        return (here, await Bob.AcceptAsync());
    }
}
