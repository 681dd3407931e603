using Porthole.Protocol.Ice;
using Porthole.Protocol.Peer;

namespace Porthole.Protocol.Tests.Peer;

public sealed class KeepAlivePolicyTests
{
    [Theory]
    [InlineData(null, 15)]
    [InlineData(0, 4)]
    [InlineData(10, 6)]
    [InlineData(20, 12)]
    [InlineData(30, 18)]
    [InlineData(60, 20)]
    [InlineData(180, 20)]
    public void The_pause_follows_from_the_lifetime(int? lifetime, int expected) =>
        Assert.Equal(TimeSpan.FromSeconds(expected), KeepAlivePolicy.Pause(lifetime is { } seconds ? TimeSpan.FromSeconds(seconds) : null));

    [Fact]
    public void Even_the_latest_refresh_comes_before_the_mapping_dies()
    {
        for (int lifetime = 10; lifetime < 300; lifetime++)
        {
            var latest = KeepAlivePolicy.Pause(TimeSpan.FromSeconds(lifetime)) * 1.2; // the spread of consent checks
            Assert.True(latest < TimeSpan.FromSeconds(lifetime), $"{lifetime} s");
            Assert.True(latest < IceOptions.Default.ConsentTimeout);
        }
    }
}
