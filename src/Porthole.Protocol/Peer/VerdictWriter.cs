using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Says why the path is what it is, from what both sides know of their NATs and what the punch has seen.</summary>
internal static class VerdictWriter
{
    public static PathVerdict Write(VerdictReason reason, Punch? punch, ConnectionPath? path, bool wantsRelay)
    {
        string sentence = reason switch
        {
            VerdictReason.Pending => "No direct path has been tried yet.",
            VerdictReason.Direct => $"Direct by {path?.Kind.ToString().ToUpperInvariant()} from {path?.Local} to {path?.Remote}.",
            VerdictReason.RelayOnly => wantsRelay ? "Relayed: this side was told to use the relay only." : "Relayed: the peer takes the relay only.",
            VerdictReason.NoCommonTransport => "Relayed: one side looks for direct paths by UDP only, the other has none but TCP.",
            VerdictReason.UdpBlockedHere => "Relayed: no STUN answer reaches this host by UDP. A firewall here drops UDP, or the server's UDP ports are closed.",
            VerdictReason.UdpBlockedThere => "Relayed: the peer has no proved UDP address. A firewall on its side drops UDP.",
            VerdictReason.HardNat =>
                "Relayed: one NAT gives every destination another port and the other NAT filters by port, so neither side knows the port that must be hit.",
            VerdictReason.TcpRefused => "Relayed: a NAT or firewall on the way refuses TCP connections that it does not know.",
            VerdictReason.NoAnswer => $"Relayed: {punch?.ChecksSent} checks were sent, {punch?.ChecksReceived} came from the peer, none of ours was answered.",
            VerdictReason.DataBlocked => "Relayed: checks pass between the peers, but sealed packets of full size do not.",
            VerdictReason.PathLost when path is null => "No path at present: the direct one went silent, and the server is out of reach; both are being tried again.",
            VerdictReason.PathLost => "Relayed: the direct path that was in use went silent; a new punch is under way.",
        };
        bool isAboutThisPunch = reason is VerdictReason.UdpBlockedHere or VerdictReason.UdpBlockedThere or VerdictReason.HardNat or VerdictReason.TcpRefused or VerdictReason.NoAnswer;
        var method = reason != VerdictReason.Direct ? PunchMethod.Relay : path?.Kind == PathKind.Tcp ? PunchMethod.Tcp : PunchMethod.Plain;
        return new PathVerdict(reason, isAboutThisPunch ? sentence + DescribeTcp(punch) : sentence, punch?.ChecksSent ?? 0, punch?.ChecksReceived ?? 0, punch?.AnswersReceived ?? 0)
        {
            Method = method,
            TcpAttempts = punch?.Tcp is { } tcp ? tcp.Puncher.Attempts + tcp.Puncher.SprayAttempts : 0,
            TcpRefusals = punch?.Tcp?.Puncher.Refusals ?? 0,
        };
    }

    /// <summary>Why a punch that ended without a pair did so.</summary>
    public static VerdictReason Explain(NatFacts here, Punch punch)
    {
        if (!punch.UsesUdp)
        {
            if (!punch.WantsTcp) return VerdictReason.NoCommonTransport;
            if (punch.Tcp is not { HasRemote: true } tcp) return punch.Plan.Nat.Tcp is null ? VerdictReason.NoCommonTransport : VerdictReason.NoAnswer;
            if (tcp.Way.Kind == TcpPlanKind.None) return VerdictReason.HardNat;
            return tcp.Puncher.Refusals > 0 ? VerdictReason.TcpRefused : VerdictReason.NoAnswer;
        }

        if (IsSilent(here)) return VerdictReason.UdpBlockedHere;
        if (!punch.WantsTcp && IsSilent(punch.Plan.Nat) && punch.Plan.Nat.Tcp is { Mapping: not NatMappingFact.Blocked }) return VerdictReason.NoCommonTransport;
        if (IsSilent(punch.Plan.Nat) || punch.Plan.Candidates.IsEmpty) return VerdictReason.UdpBlockedThere;
        return VariesByPort(here) || VariesByPort(punch.Plan.Nat) ? VerdictReason.HardNat : VerdictReason.NoAnswer;
    }

    /// <summary>What came of TCP, where it was tried too.</summary>
    private static string DescribeTcp(Punch? punch)
    {
        if (punch?.Tcp is not { } tcp) return "";
        if (!tcp.HasRemote) return " The peer has no TCP address to connect to.";
        var puncher = tcp.Puncher;
        return tcp.Way.Kind == TcpPlanKind.None && puncher.Refusals == 0
            ? " Nor is the port known that TCP would have to hit."
            : puncher.Refusals > 0
                ? $" By TCP {puncher.Refusals} of {puncher.Attempts + puncher.SprayAttempts} attempts were refused."
                : $" By TCP none of {puncher.Attempts + puncher.SprayAttempts} attempts was answered.";
    }

    /// <summary>Whether no answer has come by UDP; that it is blocked for good is known only half a minute later.</summary>
    private static bool IsSilent(NatFacts nat) => nat.Mapping == NatMappingFact.Blocked || (nat.Mapping == NatMappingFact.Unknown && !nat.UdpReachable);

    private static bool VariesByPort(NatFacts nat) => nat.Mapping is NatMappingFact.AddressDependent or NatMappingFact.AddressAndPortDependent;
}
