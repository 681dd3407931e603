using Porthole.Runtime;

namespace Porthole.Tests.Runtime;

public sealed class WarmUpTests
{
    [Fact]
    public async Task Two_peers_in_memory_meet_and_find_the_direct_path() =>
        Assert.True(await WarmUp.RunAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
}
