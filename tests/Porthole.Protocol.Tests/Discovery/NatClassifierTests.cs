using Porthole.Protocol.Discovery;

namespace Porthole.Protocol.Tests.Discovery;

public sealed class NatClassifierTests
{
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:5000");

    /// <summary>Servers: A1 and A2 are two ports of one address, B1 and B2 of another. The numbers are mapped ports.</summary>
    [Theory]
    [InlineData("A1=1", NatMapping.Unknown)]
    [InlineData("", NatMapping.Unknown)]
    [InlineData("A1=5000", NatMapping.Unknown)] // a NAT that keeps the port is still a NAT
    [InlineData("A1=1 A2=1", NatMapping.EndpointOrAddressDependent)]
    [InlineData("A1=1 A2=2", NatMapping.AddressAndPortDependent)]
    [InlineData("A1=1 B1=1", NatMapping.EndpointIndependent)]
    [InlineData("A1=1 A2=1 B1=1 B2=1", NatMapping.EndpointIndependent)]
    [InlineData("A1=1 A2=1 B1=2 B2=2", NatMapping.AddressDependent)]
    [InlineData("A1=1 A2=1 B1=2", NatMapping.AddressDependent)]
    [InlineData("A1=1 A2=2 B1=3 B2=4", NatMapping.AddressAndPortDependent)]
    [InlineData("A1=1 B1=2", NatMapping.AddressAndPortDependent)] // could be ADM: the harder is assumed
    [InlineData("A1=1 A2=2 B1=1", NatMapping.AddressAndPortDependent)]
    public void Mapping_is_judged_by_what_differs(string answers, NatMapping mapping) => Assert.Equal(mapping, NatClassifier.JudgeMapping(Read(answers)));

    [Fact]
    public void Without_translation_mapping_is_endpoint_independent() =>
        Assert.Equal(NatMapping.EndpointIndependent, NatClassifier.JudgeMapping([new NatObservation(0, true, s_local, TransportAddress.Parse("198.51.100.1:1"), s_local)]));

    [Theory]
    [InlineData("", NatAllocation.Unknown, 0)]
    [InlineData("A1=1", NatAllocation.Unknown, 0)]
    [InlineData("A1=1 A2=1", NatAllocation.Unknown, 0)] // one mapping says nothing of the next
    [InlineData("A1=5000 A2=5000", NatAllocation.Preserve, 0)]
    [InlineData("A1=5000 A2=61000", NatAllocation.Preserve, 0)] // kept, until it is taken
    [InlineData("A1=100 A2=101 B1=102", NatAllocation.Sequential, 1)]
    [InlineData("A1=100 A2=102 B1=104", NatAllocation.Sequential, 2)]
    [InlineData("A1=100 A2=99 B1=98", NatAllocation.Sequential, -1)]
    [InlineData("A1=100 A2=103 B1=104 B2=106", NatAllocation.Sequential, 1)] // others' flows come between
    [InlineData("A1=100 A2=100 B1=101 B2=101", NatAllocation.Sequential, 1)] // two mappings, each seen twice
    [InlineData("A1=100 B1=101 A2=100 B2=101", NatAllocation.Sequential, 1)]
    [InlineData("A1=100 A2=116", NatAllocation.Sequential, 16)]
    [InlineData("A1=100 A2=117", NatAllocation.Random, 0)]
    [InlineData("A1=100 A2=101 B1=99", NatAllocation.Random, 0)]
    [InlineData("A1=100 A2=40000 B1=7000", NatAllocation.Random, 0)]
    [InlineData("A1=100 A2=101? B1=102", NatAllocation.Sequential, 1)] // only the answer was late
    [InlineData("A1=100? A2=101? B1=102?", NatAllocation.Sequential, 1)]
    [InlineData("A1=100 A2=104? B1=102", NatAllocation.Sequential, 2)] // a question that was repeated came behind the others
    [InlineData("A1=102? A2=100? B1=101?", NatAllocation.Unknown, 0)]
    [InlineData("A1=100 A2=101?", NatAllocation.Sequential, 1)]
    [InlineData("A1=100? A2=101?", NatAllocation.Unknown, 0)] // either may have been first
    [InlineData("A1=101? A2=100", NatAllocation.Unknown, 0)]
    [InlineData("A1=100? A2=4000?", NatAllocation.Random, 0)] // too far apart in any order
    [InlineData("A1=100? A2=132?", NatAllocation.Unknown, 0)]
    [InlineData("A1=100? A2=133?", NatAllocation.Random, 0)]
    public void Allocation_is_judged_in_the_order_of_the_questions(string answers, NatAllocation allocation, int step) =>
        Assert.Equal((allocation, step), NatClassifier.JudgeAllocation(Read(answers)));

    private static List<NatObservation> Read(string answers) =>
    [
        .. answers.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static (text, index) =>
        {
            string[] parts = text.TrimEnd('?').Split('=');
            var server = TransportAddress.Parse($"198.51.100.{(parts[0][0] == 'A' ? 1 : 2)}:{3_477 + (parts[0][1] - '0')}");
            return new NatObservation(index, !text.EndsWith('?'), s_local, server, TransportAddress.Parse($"203.0.113.7:{parts[1]}"));
        }),
    ];
}
