using Porthole.Protocol.Peer;

namespace Porthole.Protocol.Tests.Peer;

/// <summary>Which ports a NAT that counts may have given between two that servers saw.</summary>
public sealed class PredictMethodTests
{
    [Theory]
    [InlineData(5_000, 5_002, 1, "5001")]
    [InlineData(5_000, 5_004, 2, "5002,5001,5003")]
    [InlineData(5_000, 4_998, -1, "4999")]
    [InlineData(5_000, 5_005, 1, "5001,5002,5003,5004")] // two flows of others in between: one before or behind
    [InlineData(5_000, 5_001, 1, "")] // the check in between never came to the NAT
    [InlineData(5_000, 0, 1, "5001,5002,5003,5004,5005,5006")] // the second answer was lost
    [InlineData(0, 5_002, 1, "5001,5000,4999,4998,4997,4996")]
    [InlineData(5_000, 5_000, 2, "5002,5004,5006,5008,5010,5012")] // one mapping for both ports of the server
    [InlineData(0, 0, 1, "")]
    [InlineData(65_535, 0, 1, "")]
    [InlineData(1_025, 0, -1, "1024")]
    public void Ports_between_are_named_the_likeliest_first(int before, int after, int step, string expected) =>
        Assert.Equal(expected, string.Join(',', PredictMethod.Between((ushort)before, (ushort)after, step, PredictMethod.MaxForeseen)));

    [Fact]
    public void No_more_are_named_than_there_is_room_for()
    {
        Assert.Equal(PredictMethod.MaxForeseen, PredictMethod.Between(5_000, 6_000, 1, PredictMethod.MaxForeseen).Count);
        Assert.Equal([5_002], PredictMethod.Between(5_000, 6_000, 2, 1).Select(static port => (int)port));
        Assert.Equal(3, PredictMethod.Between(5_000, 0, 2, 3).Count);
    }
}
