using Porthole.Protocol.Discovery;

namespace Porthole.Protocol.Tests.Discovery;

/// <summary>What a flight of questions tells of the allocation of ports where every one of them had to be repeated, as from a host that is busy or far away.</summary>
public sealed class RepeatedQuestionTests
{
    [Theory]
    [InlineData("100 101 102", NatAllocation.Sequential, 1)]
    [InlineData("100 101 102 103 104 105 106 107 108", NatAllocation.Sequential, 1)]
    [InlineData("100 98 96", NatAllocation.Sequential, -2)]
    [InlineData("102 100 101", NatAllocation.Unknown, 0)] // the first was lost, and came behind the others
    [InlineData("100 113 104", NatAllocation.Unknown, 0)]
    [InlineData("100 101", NatAllocation.Unknown, 0)]
    [InlineData("100 40000 7000", NatAllocation.Random, 0)]
    public void Late_answers_do_not_hide_a_counter(string ports, NatAllocation allocation, int step)
    {
        const int perSocket = 3;
        var answers = ports.Split(' ').Select(static (port, index) => new NatObservation(
            index,
            IsOrdered: false,
            TransportAddress.Parse($"192.168.1.2:{50_000 + 1_000 * (index / perSocket)}"),
            TransportAddress.Parse($"198.51.100.1:{3_478 + index % perSocket}"),
            TransportAddress.Parse($"203.0.113.7:{port}"))).ToList();
        Assert.Equal((allocation, step), PortClassifier.Judge(answers));
    }
}
