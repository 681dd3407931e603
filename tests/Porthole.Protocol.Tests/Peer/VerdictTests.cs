using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Peer;

/// <summary>The verdict as a function: every combination of what can be known, put into words; and the table of who is to blame.</summary>
public sealed partial class VerdictTests
{
    /// <summary>What fits two lines of a terminal, and is read.</summary>
    private const int LongestText = 300;

    private static readonly NatFacts s_known = new(NatMappingFact.EndpointIndependent, NatAllocationFact.Preserve, 0, true) { Filtering = NatFilteringFact.AddressAndPortDependent };
    private static readonly NatFacts s_same = s_known with { Mapping = NatMappingFact.AddressAndPortDependent };
    private static readonly NatFacts s_next = s_same with { Allocation = NatAllocationFact.Sequential, Step = 2 };
    private static readonly NatFacts s_random = s_same with { Allocation = NatAllocationFact.Random, LowestPort = 2_000, HighestPort = 65_000 };
    private static readonly NatFacts s_spoiled = s_known with { IsSpoiledByStrangers = true };
    private static readonly NatFacts s_blocked = NatFacts.Unknown with { Mapping = NatMappingFact.Blocked };
    private static readonly NatFacts s_relayOnly = NatFacts.Unknown with { RelayOnly = true };
    private static readonly NatFacts s_tcpOnly = NatFacts.Unknown with { TcpOnly = true, Tcp = new TcpNatFacts(NatMappingFact.EndpointIndependent, NatAllocationFact.Preserve, 0, 0, 0) };

    /// <summary>Both sides' facts, what was tried for it, and what must come out; each is read from the other side too.</summary>
    public static TheoryData<string, NatFacts, NatFacts, PunchMethod?, VerdictReason, VerdictBlame> Table => new()
    {
        { "relay only here", s_relayOnly, s_known, null, VerdictReason.RelayOnly, VerdictBlame.Here },
        { "relay only on both sides", s_relayOnly, s_relayOnly, null, VerdictReason.RelayOnly, VerdictBlame.Both },
        { "UDP blocked here", s_blocked, s_known, null, VerdictReason.UdpBlockedHere, VerdictBlame.Here },
        { "UDP blocked here, random there", s_blocked, s_random, null, VerdictReason.UdpBlockedHere, VerdictBlame.Here },
        { "UDP blocked on both sides", s_blocked, s_blocked, null, VerdictReason.UdpBlockedBoth, VerdictBlame.Both },
        { "nothing answered yet here", NatFacts.Unknown, s_known, null, VerdictReason.UdpBlockedHere, VerdictBlame.Here },
        { "random × random", s_random, s_random, null, VerdictReason.RandomPortsBoth, VerdictBlame.Both },
        { "random × the next", s_random, s_next, null, VerdictReason.RandomAgainstPredictable, VerdictBlame.Both },
        { "random × the same", s_random, s_same, null, VerdictReason.RandomAgainstPredictable, VerdictBlame.Both },
        { "random × known, sprayed", s_random, s_known, PunchMethod.Spray, VerdictReason.PortsNotHit, VerdictBlame.Here },
        { "random × known, nothing tried", s_random, s_known, null, VerdictReason.HardNat, VerdictBlame.Here },
        { "random × mapped by the gateway", s_random, s_random with { HasPortMapping = true }, PunchMethod.Spray, VerdictReason.PortsNotHit, VerdictBlame.Here },
        { "random × who lets in any port", s_random, s_known with { Filtering = NatFilteringFact.AddressDependent }, null, VerdictReason.NoAnswer, VerdictBlame.Both },
        { "random × who lets in anybody", s_random, s_random with { Filtering = NatFilteringFact.EndpointIndependent }, null, VerdictReason.NoAnswer, VerdictBlame.Both },
        { "the next × known", s_next, s_known, PunchMethod.Predict, VerdictReason.PortsNotHit, VerdictBlame.Here },
        { "the next × the next", s_next, s_next, PunchMethod.Cross, VerdictReason.PortsNotHit, VerdictBlame.Both },
        { "the same × known", s_same, s_known, PunchMethod.FreshSocket, VerdictReason.PortsNotHit, VerdictBlame.Here },
        { "the same × the next", s_same, s_next, PunchMethod.Predict, VerdictReason.PortsNotHit, VerdictBlame.Both },
        { "spoiled × known", s_spoiled, s_known, null, VerdictReason.SpoiledByStrangers, VerdictBlame.Here },
        { "spoiled × spoiled", s_spoiled, s_spoiled, PunchMethod.Opener, VerdictReason.SpoiledByStrangers, VerdictBlame.Both },
        { "known × known", s_known, s_known, null, VerdictReason.NoAnswer, VerdictBlame.Both },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void The_right_side_is_blamed_as_both_see_it(string what, NatFacts here, NatFacts there, PunchMethod? tried, VerdictReason reason, VerdictBlame blame)
    {
        Assert.NotEmpty(what);
        ImmutableArray<MethodAttempt> attempts = tried is { } method ? [new MethodAttempt(method, 40, 4, TimeSpan.FromSeconds(2), AttemptOutcome.Unanswered)] : [];
        var verdict = VerdictWriter.Explain(Facts(here, there) with { Tried = attempts });
        Assert.Equal((reason, blame), (verdict.Reason, verdict.Blame));

        var mirrored = VerdictWriter.Explain(Facts(there, here) with { Tried = attempts });
        var expected = reason == VerdictReason.UdpBlockedHere ? VerdictReason.UdpBlockedThere : reason;
        Assert.Equal((expected, Mirror(blame)), (mirrored.Reason, mirrored.Blame));
        AssertReadable(verdict);
        AssertReadable(mirrored);
    }

    [Fact]
    public void A_spray_that_may_not_begin_is_said_to_be_held_back()
    {
        var attempt = new MethodAttempt(PunchMethod.Spray, 0, 0, TimeSpan.Zero, AttemptOutcome.BudgetSpent);
        var verdict = VerdictWriter.Explain(Facts(s_known, s_random) with { Tried = [attempt] });
        Assert.Equal((VerdictReason.SprayHeldBack, VerdictBlame.There), (verdict.Reason, verdict.Blame));
        Assert.Contains("held back", verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains("by itself", verdict.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Packets_that_pass_in_one_direction_are_told_from_those_that_pass_in_none()
    {
        var oneWay = VerdictWriter.Explain(Facts(s_known, s_known) with { ChecksSent = 30, ChecksReceived = 4 });
        Assert.Equal(VerdictReason.OneWay, oneWay.Reason);
        Assert.StartsWith("Relayed: 4 checks of the peer came in, but none of the 30 from here was answered", oneWay.Sentence, StringComparison.Ordinal);
        Assert.Equal(VerdictReason.NoAnswer, VerdictWriter.Explain(Facts(s_known, s_known) with { ChecksSent = 30 }).Reason);
    }

    [Fact]
    public void Who_wants_one_transport_only_is_told_of_that_one()
    {
        var udpOnly = Facts(s_known, s_tcpOnly) with { Wanted = Transports.Udp };
        Assert.Equal(VerdictReason.NoCommonTransport, VerdictWriter.Explain(udpOnly).Reason);
        var tcpOnly = Facts(s_tcpOnly, s_known) with { Wanted = Transports.Tcp };
        Assert.Equal(VerdictReason.NoCommonTransport, VerdictWriter.Explain(tcpOnly).Reason);
        var both = Facts(s_tcpOnly, s_tcpOnly) with { Wanted = Transports.Tcp, HasTcpAddress = true, TcpAttempts = 9 };
        Assert.Equal(VerdictReason.NoAnswer, VerdictWriter.Explain(both).Reason);
        Assert.Equal(VerdictReason.TcpRefused, VerdictWriter.Explain(both with { TcpRefusals = 9 }).Reason);
        Assert.Equal(VerdictReason.TcpBlockedThere, VerdictWriter.Explain(both with { HasTcpAddress = false }).Reason);
        var blocked = s_tcpOnly with { Tcp = s_tcpOnly.Tcp! with { Mapping = NatMappingFact.Blocked } };
        Assert.Equal(VerdictReason.TcpBlockedHere, VerdictWriter.Explain(both with { Here = blocked }).Reason);
        var random = s_tcpOnly with { Tcp = new TcpNatFacts(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Random, 0, 0, 0) };
        Assert.Equal(VerdictReason.RandomPortsBoth, VerdictWriter.Explain(both with { Here = random, There = random }).Reason);
        var sprayed = both with { Here = random, Tried = [new MethodAttempt(PunchMethod.TcpSpray, 64, 64, TimeSpan.FromSeconds(8), AttemptOutcome.Unanswered)] };
        Assert.Equal((VerdictReason.PortsNotHit, VerdictBlame.Here), (VerdictWriter.Explain(sprayed).Reason, VerdictWriter.Explain(sprayed).Blame));
    }

    [Fact]
    public void The_advice_for_two_random_NATs_is_a_port_mapping_on_either_side()
    {
        var verdict = VerdictWriter.Explain(Facts(s_random, s_random));
        Assert.Equal(
            "Relayed: the NAT here gives every destination a random port and so does the peer's, so a guess would have to hit both at once.", verdict.Sentence);
        Assert.StartsWith("A port mapping on either side would fix it", verdict.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PunchMethod.Plain, PathKind.Udp, "Direct by UDP from 192.168.1.10:8900 to 203.0.113.2:8900.")]
    [InlineData(PunchMethod.Predict, PathKind.Udp, "Direct by UDP from 192.168.1.10:8900 to 203.0.113.2:8900, by a port that was foreseen.")]
    [InlineData(PunchMethod.Spray, PathKind.Udp, "Direct by UDP from 192.168.1.10:8900 to 203.0.113.2:8900, by a port that was guessed.")]
    [InlineData(PunchMethod.TcpSpray, PathKind.Tcp, "Direct by TCP from 192.168.1.10:8900 to 203.0.113.2:8900, by a port that was guessed.")]
    public void A_direct_path_names_its_method(PunchMethod method, PathKind kind, string sentence)
    {
        var facts = Facts(s_random, s_known) with
        {
            Path = new ConnectionPath(kind, TransportAddress.Parse("192.168.1.10:8900"), TransportAddress.Parse("203.0.113.2:8900"), null),
            Method = method,
        };
        var verdict = VerdictWriter.Write(VerdictReason.Direct, facts);
        Assert.Equal((method, sentence, "", VerdictBlame.Nobody), (verdict.Method, verdict.Sentence, verdict.Advice, verdict.Blame));
    }

    [Fact]
    public void What_was_tried_by_TCP_beside_it_is_told_in_the_same_sentence()
    {
        var facts = Facts(s_random, s_random) with { HasTcpAddress = true, TcpAttempts = 12 };
        Assert.EndsWith("; by TCP none of 12 attempts was answered.", VerdictWriter.Explain(facts).Sentence, StringComparison.Ordinal);
        Assert.EndsWith("; by TCP 5 of 12 attempts were refused.", VerdictWriter.Explain(facts with { TcpRefusals = 5 }).Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(GatewayAnswer.NotAsked), "is the way around it.")]
    [InlineData(nameof(GatewayAnswer.Mapped), "is the way around it.")]
    [InlineData(nameof(GatewayAnswer.Silent), "so one of them is to be switched on in it.")]
    [InlineData(nameof(GatewayAnswer.Refused), "was asked for a port and maps none.")]
    [InlineData(nameof(GatewayAnswer.BehindAnotherNat), "a second NAT that would have to map one too.")]
    [InlineData(nameof(GatewayAnswer.Elsewhere), "not at the address that servers see.")]
    public void The_advice_says_what_the_gateway_made_of_a_mapping(string answer, string end)
    {
        const string Line = "The gateway 192.168.1.1 said something.";
        var word = new GatewayWord(Enum.Parse<GatewayAnswer>(answer), Line);
        foreach (var (here, there) in ((NatFacts, NatFacts)[])[(s_random, s_random), (s_random, s_known), (s_known, s_random)])
        {
            var verdict = VerdictWriter.Explain(Facts(here, there) with { Gateway = word });
            Assert.Equal(Line, verdict.Gateway);
            Assert.EndsWith(end, verdict.Advice, StringComparison.Ordinal);
            AssertReadable(verdict);
        }

        // Where a mapping would not help there is no word of it; and the line is there all the same.
        var relayOnly = VerdictWriter.Explain(Facts(s_relayOnly, s_random) with { Gateway = word });
        Assert.Equal((VerdictWriter.Explain(Facts(s_relayOnly, s_random)).Advice, Line), (relayOnly.Advice, relayOnly.Gateway));
    }

    /// <summary>Mapping × allocation × filtering × mapped by a gateway × spoiled, of both sides; and what was wanted, tried and met.</summary>
    [Fact]
    public void Every_combination_of_facts_gives_a_sentence_that_can_be_read()
    {
        NatFacts[] sides = [.. Sides()];
        var seen = new HashSet<VerdictReason>();
        var texts = new HashSet<string>();
        foreach (var here in sides)
        {
            foreach (var there in sides)
            {
                foreach (var facts in Variants(here, there))
                {
                    var verdict = VerdictWriter.Explain(facts);
                    seen.Add(verdict.Reason);
                    texts.Add(verdict.Sentence);
                    texts.Add(verdict.Advice);
                    Assert.NotEqual(VerdictBlame.Nobody, verdict.Blame);
                }
            }
        }

        Assert.All(texts, AssertSentence);
        VerdictReason[] knownOtherwise = [VerdictReason.Pending, VerdictReason.Direct, VerdictReason.DataBlocked, VerdictReason.PathLost];
        Assert.Equal(Enum.GetValues<VerdictReason>().Except(knownOtherwise).Order(), seen.Order());
        foreach (var reason in knownOtherwise)
        {
            foreach (var path in (ConnectionPath?[])[null, new ConnectionPath(PathKind.Relay, null, null, null)])
            {
                var verdict = VerdictWriter.Write(reason, Facts(s_random, s_known) with { Path = reason == VerdictReason.Direct ? null : path });
                AssertReadable(verdict);
                Assert.Equal(reason is VerdictReason.Pending or VerdictReason.Direct, verdict.Advice.Length == 0);
            }
        }
    }

    /// <summary>The same two networks get one verdict, whichever of the two reads it.</summary>
    [Fact]
    public void Both_sides_come_to_the_same()
    {
        NatFacts[] sides = [.. Sides().Where(static side => side is { RelayOnly: false, TcpOnly: false })];
        foreach (var here in sides)
        {
            foreach (var there in sides)
            {
                var (one, other) = (VerdictWriter.Explain(Facts(here, there)), VerdictWriter.Explain(Facts(there, here)));
                Assert.Equal(Mirror(one.Blame), other.Blame);
                var expected = one.Reason switch
                {
                    VerdictReason.UdpBlockedHere => VerdictReason.UdpBlockedThere,
                    VerdictReason.UdpBlockedThere => VerdictReason.UdpBlockedHere,
                    var same => same,
                };
                Assert.Equal(expected, other.Reason);
            }
        }
    }

    private static IEnumerable<NatFacts> Sides()
    {
        yield return s_relayOnly;
        yield return s_tcpOnly;
        yield return s_tcpOnly with { Tcp = s_tcpOnly.Tcp! with { Mapping = NatMappingFact.Blocked } };
        yield return s_tcpOnly with { Tcp = new TcpNatFacts(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Sequential, 1, 0, 0) };
        foreach (var mapping in Enum.GetValues<NatMappingFact>())
        {
            foreach (var allocation in Enum.GetValues<NatAllocationFact>())
            {
                foreach (var filtering in Enum.GetValues<NatFilteringFact>())
                {
                    foreach (bool isSpoiled in (bool[])[false, true])
                    {
                        yield return new NatFacts(mapping, allocation, allocation == NatAllocationFact.Sequential ? 1 : 0, mapping is not (NatMappingFact.Unknown or NatMappingFact.Blocked))
                        {
                            Filtering = filtering,
                            IsSpoiledByStrangers = isSpoiled,
                            HasPortMapping = isSpoiled && filtering == NatFilteringFact.Unknown,
                        };
                    }
                }
            }
        }
    }

    private static IEnumerable<VerdictFacts> Variants(NatFacts here, NatFacts there)
    {
        var facts = Facts(here, there);
        yield return facts;
        yield return facts with { Wanted = Transports.Udp, ChecksSent = 9, ChecksReceived = 2 };
        yield return facts with { Wanted = Transports.Tcp, HasTcpAddress = true, TcpAttempts = 100_000, TcpRefusals = 99_999 };
        yield return facts with { Wanted = Transports.Tcp, HasTcpAddress = false, Here = here with { Tcp = null } };
        yield return facts with { HasTcpAddress = true, TcpAttempts = 100_000, HasUdpAddress = false };
        foreach (var method in (PunchMethod[])[PunchMethod.FreshSocket, PunchMethod.Predict, PunchMethod.Cross, PunchMethod.Spray, PunchMethod.TcpSpray])
        {
            yield return facts with { Tried = [new MethodAttempt(method, 2_000, 256, TimeSpan.FromSeconds(6), AttemptOutcome.Unanswered)], HasTcpAddress = true, TcpAttempts = 100_000 };
        }

        yield return facts with { Tried = [new MethodAttempt(PunchMethod.Spray, 0, 0, TimeSpan.Zero, AttemptOutcome.BudgetSpent)] };
    }

    private static VerdictFacts Facts(NatFacts here, NatFacts there) => new() { Here = here, There = there, ChecksSent = 40 };

    private static VerdictBlame Mirror(VerdictBlame blame) => blame switch
    {
        VerdictBlame.Here => VerdictBlame.There,
        VerdictBlame.There => VerdictBlame.Here,
        VerdictBlame.Both or VerdictBlame.Nobody => blame,
    };

    private static void AssertReadable(PathVerdict verdict)
    {
        AssertSentence(verdict.Sentence);
        if (verdict.Advice.Length > 0) AssertSentence(verdict.Advice);
    }

    private static void AssertSentence(string text)
    {
        Assert.InRange(text.Length, 10, LongestText);
        Assert.Matches(OneSentence(), text);
        Assert.DoesNotContain("unknown", text, StringComparison.OrdinalIgnoreCase);
    }

    [GeneratedRegex(@"^[A-Z](?!.*(  | [,;.:]|\.\s))[^\r\n]*[^ ]\.$")]
    private static partial Regex OneSentence();
}
