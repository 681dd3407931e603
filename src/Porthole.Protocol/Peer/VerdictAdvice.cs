namespace Porthole.Protocol.Peer;

/// <summary>Says what the user, or whoever runs a network, could change to get a direct path.</summary>
internal static class VerdictAdvice
{
    /// <summary>RFC 8200 section 5: what every link must carry.</summary>
    private const int LeastMtu = 1_280;

    private const string Carrier = "where the NAT is a carrier's, IPv6 or another network is the way around it";

    /// <summary>One sentence; empty where there is nothing to change.</summary>
    public static string Give(VerdictReason reason, VerdictBlame blame, VerdictFacts facts) => reason switch
    {
        VerdictReason.Pending or VerdictReason.Direct => "",
        VerdictReason.PathLost => "Nothing needs to be changed: it is tried again within half a minute, and at once when the network changes.",
        VerdictReason.RelayOnly => blame switch
        {
            VerdictBlame.Here => "Allow direct paths on this side (--transport auto).",
            VerdictBlame.There => "Ask the peer to allow direct paths (--transport auto).",
            VerdictBlame.Both or VerdictBlame.Nobody => "Allow direct paths on both sides (--transport auto).",
        },
        VerdictReason.NoCommonTransport => facts.Wanted == Transports.All
            ? "Ask the peer to allow both UDP and TCP (--transport auto)."
            : "Allow both UDP and TCP (--transport auto), here and on the peer's side.",
        VerdictReason.UdpBlockedHere => $"Have the firewall here let UDP out to all ports, the server's STUN ports (3478 to 3481, if not set otherwise) first, and the answers in{OrTcp(facts)}.",
        VerdictReason.UdpBlockedThere => $"Ask the peer to have its firewall let UDP out to all ports, the server's STUN ports (3478 to 3481, if not set otherwise) first, and the answers in{OrTcp(facts)}.",
        VerdictReason.UdpBlockedBoth => $"Open UDP 3478 to 3481 (if not set otherwise) in the server's firewall first; if they are open, let UDP out of both networks{OrTcp(facts)}.",
        VerdictReason.RandomPortsBoth or VerdictReason.RandomAgainstPredictable =>
            $"A port mapping on either side would fix it: turn on PCP, NAT-PMP or UPnP in a router, or forward a port there; {Carrier}{Asked(facts)}.",
        VerdictReason.HardNat or VerdictReason.PortsNotHit => $"What would fix it is {MapPort(blame)}: PCP, NAT-PMP or UPnP in the router, or a forwarded port; {Carrier}{Asked(facts)}.",
        VerdictReason.SprayHeldBack => $"It is tried again by itself, within an hour at most; {MapPort(blame)} (PCP, NAT-PMP, UPnP, or a forwarded port) would make guessing needless{Asked(facts)}.",
        VerdictReason.SpoiledByStrangers =>
            $"Have the {(blame == VerdictBlame.Both ? "routers" : blame == VerdictBlame.Here ? "router here" : "peer's router")} drop packets that nobody asked for (its firewall must close UDP from outside), or turn on PCP, NAT-PMP or UPnP in it{Asked(facts)}.",
        VerdictReason.OneWay or VerdictReason.NoAnswer => facts.UsesUdp
            ? $"Have the firewalls of both networks let UDP out to all ports and the answers in; a port mapping on either side helps where a NAT is stricter than it shows{Asked(facts)}."
            : "Allow UDP as well (--transport auto), or forward a TCP port on either side.",
        VerdictReason.TcpBlockedHere => $"Have the firewall here let TCP out to all ports{OrUdp(facts)}.",
        VerdictReason.TcpBlockedThere => $"Ask the peer to have its firewall let TCP out to all ports{OrUdp(facts)}.",
        VerdictReason.TcpRefused => "Allow UDP as well (--transport auto), or forward a TCP port on either side.",
        VerdictReason.DataBlocked => $"Look for a tunnel or a link on the way that carries less than {LeastMtu} bytes, or for a rule that limits UDP, on either side.",
    };

    private static string MapPort(VerdictBlame side) => side switch
    {
        VerdictBlame.Here => "a port mapping on this side",
        VerdictBlame.There => "a port mapping on the peer's side",
        VerdictBlame.Both or VerdictBlame.Nobody => "a port mapping on either side",
    };

    /// <summary>Why there is no mapping on this side that would help, where the gateway was asked for one.</summary>
    private static string Asked(VerdictFacts facts) => facts.Gateway.Answer switch
    {
        GatewayAnswer.NotAsked or GatewayAnswer.Mapped => "",
        GatewayAnswer.Silent => "; the router here answers neither PCP nor NAT-PMP nor UPnP, so one of them is to be switched on in it",
        GatewayAnswer.Refused => "; the router here was asked for a port and maps none",
        GatewayAnswer.BehindAnotherNat => "; the router here maps a port, but behind it stands a second NAT that would have to map one too",
        GatewayAnswer.Elsewhere => "; the router here says that it maps a port, but not at the address that servers see",
    };

    private static string OrTcp(VerdictFacts facts) => facts switch
    {
        { WantsTcp: false } => "; or allow TCP as well (--transport auto)",
        { There.Tcp: null } => "; or ask the peer to allow TCP as well (--transport auto)",
        _ => "",
    };

    private static string OrUdp(VerdictFacts facts) => facts.WantsUdp ? "; or ask the peer to allow UDP as well (--transport auto)" : "; or allow UDP as well (--transport auto)";
}
