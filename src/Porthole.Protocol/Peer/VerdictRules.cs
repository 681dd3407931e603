using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Why a punch came to no path, and whose network it is: the first rule that fits.</summary>
internal static class VerdictRules
{
    private static readonly ImmutableArray<Rule> s_rules =
    [
        // What the two want.
        new(static facts => facts.Here.RelayOnly || facts.There.RelayOnly, VerdictReason.RelayOnly, static facts => VerdictFacts.Side(facts.Here.RelayOnly, facts.There.RelayOnly)),
        new(static facts => !facts.UsesUdp && !facts.WantsTcp, VerdictReason.NoCommonTransport, VerdictBlame.Both),
        new(static facts => !facts.UsesUdp && facts is { HasTcpAddress: false, There.Tcp: null }, VerdictReason.NoCommonTransport, VerdictBlame.Both),
        new(
            static facts => facts is { UsesUdp: true, WantsTcp: false, IsSilentHere: false, IsSilentThere: true, There.Tcp: { Mapping: not NatMappingFact.Blocked } },
            VerdictReason.NoCommonTransport,
            VerdictBlame.Both),

        // Nothing gets out at all.
        new(static facts => facts is { UsesUdp: true, IsSilentHere: true, IsSilentThere: true }, VerdictReason.UdpBlockedBoth, VerdictBlame.Both),
        new(static facts => facts is { UsesUdp: true, IsSilentHere: true }, VerdictReason.UdpBlockedHere, VerdictBlame.Here),
        new(static facts => facts is { UsesUdp: true, IsSilentThere: true }, VerdictReason.UdpBlockedThere, VerdictBlame.There),
        new(static facts => facts is { UsesUdp: false, Here.Tcp.Mapping: NatMappingFact.Blocked }, VerdictReason.TcpBlockedHere, VerdictBlame.Here),
        new(static facts => facts is { UsesUdp: false, HasTcpAddress: false }, VerdictReason.TcpBlockedThere, VerdictBlame.There),

        // Ports that nobody knows beforehand.
        new(static facts => facts is { IsAdmitted: false, PortHere: PortKind.Any, PortThere: PortKind.Any }, VerdictReason.RandomPortsBoth, VerdictBlame.Both),
        new(
            static facts => !facts.IsAdmitted && facts.HardSide == VerdictBlame.Both && (facts.PortHere == PortKind.Any || facts.PortThere == PortKind.Any),
            VerdictReason.RandomAgainstPredictable,
            VerdictBlame.Both),
        new(static facts => facts is { IsAdmitted: false, Guess: not null }, VerdictReason.PortsNotHit, static facts => facts.HardSide),
        new(static facts => facts is { IsAdmitted: false, IsHeldBack: true }, VerdictReason.SprayHeldBack, static facts => facts.HardSide),
        new(static facts => facts is { IsAdmitted: false }, VerdictReason.HardNat, static facts => facts.HardSide),

        // Ports are known, and yet nothing passes.
        new(static facts => facts.UsesUdp && facts.SpoiledSide != VerdictBlame.Nobody, VerdictReason.SpoiledByStrangers, static facts => facts.SpoiledSide),
        new(static facts => facts is { UsesUdp: true, ChecksReceived: > 0, AnswersReceived: 0 }, VerdictReason.OneWay, VerdictBlame.Both),
        new(static facts => facts is { UsesUdp: false, TcpRefusals: > 0 }, VerdictReason.TcpRefused, VerdictBlame.Both),
        new(static _ => true, VerdictReason.NoAnswer, VerdictBlame.Both),
    ];

    /// <summary>Decides.</summary>
    public static (VerdictReason Reason, VerdictBlame Blame) Explain(VerdictFacts facts)
    {
        foreach (var rule in s_rules)
        {
            if (rule.Fits(facts)) return (rule.Reason, rule.Blame(facts));
        }

        throw new System.Diagnostics.UnreachableException();
    }

    /// <summary>Whose network it is, where the reason is known otherwise.</summary>
    public static VerdictBlame Blame(VerdictReason reason, VerdictFacts facts) => reason switch
    {
        VerdictReason.Pending or VerdictReason.Direct or VerdictReason.PathLost => VerdictBlame.Nobody,
        VerdictReason.DataBlocked => VerdictBlame.Both,
        VerdictReason.RelayOnly => VerdictFacts.Side(facts.Here.RelayOnly, facts.There.RelayOnly),
        _ => Explain(facts).Blame,
    };

    private sealed record Rule(Func<VerdictFacts, bool> Fits, VerdictReason Reason, Func<VerdictFacts, VerdictBlame> Blame)
    {
        public Rule(Func<VerdictFacts, bool> fits, VerdictReason reason, VerdictBlame blame)
            : this(fits, reason, _ => blame)
        {
        }
    }
}
