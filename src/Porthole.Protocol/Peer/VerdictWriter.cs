using System.Globalization;

namespace Porthole.Protocol.Peer;

/// <summary>Puts a verdict into words: why the path is what it is, and what could be changed.</summary>
internal static class VerdictWriter
{
    /// <summary>What came of a punch that ended without a pair.</summary>
    public static PathVerdict Explain(VerdictFacts facts)
    {
        var (reason, blame) = VerdictRules.Explain(facts);
        return Write(reason, blame, facts);
    }

    /// <summary>The verdict where the reason is known otherwise.</summary>
    public static PathVerdict Write(VerdictReason reason, VerdictFacts facts) => Write(reason, VerdictRules.Blame(reason, facts), facts);

    private static PathVerdict Write(VerdictReason reason, VerdictBlame blame, VerdictFacts facts) => new(
        reason, Describe(reason, blame, facts), facts.ChecksSent, facts.ChecksReceived, facts.AnswersReceived)
    {
        Blame = blame,
        Method = reason == VerdictReason.Direct ? MethodOf(facts) : PunchMethod.Relay,
        TcpAttempts = facts.TcpAttempts,
        TcpRefusals = facts.TcpRefusals,
        Advice = VerdictAdvice.Give(reason, blame, facts),
        Gateway = reason == VerdictReason.Direct && facts.Gateway == GatewayWord.Asked ? "" : facts.Gateway.Line, // it is not missed
        Here = facts.Here,
        There = facts.There,
        Hint = facts.Hint,
        Planned = facts.Planned,
        Tried = facts.Tried,
    };

    /// <summary>What led to the path in use.</summary>
    private static PunchMethod MethodOf(VerdictFacts facts) => facts.Method ?? (facts.Path?.Kind == PathKind.Tcp ? PunchMethod.Tcp : PunchMethod.Plain);

    private static string Describe(VerdictReason reason, VerdictBlame blame, VerdictFacts facts)
    {
        if (facts.Path is null && reason == VerdictReason.PathLost)
            return "No path at present: the direct one went silent, and the server is out of reach; both are being tried again.";
        return reason switch
        {
            VerdictReason.Pending => "No direct path has been tried yet.",
            VerdictReason.Direct => facts.Path is { } path
                ? $"Direct by {path.Kind.ToString().ToUpperInvariant()} from {path.Local} to {path.Remote}{By(MethodOf(facts))}."
                : "A direct path is in use.",
            VerdictReason.PathLost => "Relayed: the direct path that was in use went silent; a new punch is under way.",
            _ => $"Relayed: {Because(reason, blame, facts)}{DescribeTcp(reason, facts)}.",
        };
    }

    private static string Because(VerdictReason reason, VerdictBlame blame, VerdictFacts facts) => reason switch
    {
        VerdictReason.RelayOnly => blame switch
        {
            VerdictBlame.Here => "this side was told to use the relay only",
            VerdictBlame.There => "the peer takes the relay only",
            VerdictBlame.Both or VerdictBlame.Nobody => "both sides were told to use the relay only",
        },
        VerdictReason.NoCommonTransport => "one side looks for direct paths by UDP only, the other has none but TCP",
        VerdictReason.UdpBlockedHere => "no STUN answer reaches this host by UDP, so a firewall here drops UDP, or the server's UDP ports are closed",
        VerdictReason.UdpBlockedThere => "the peer has no proved UDP address, so a firewall on its side drops UDP",
        VerdictReason.UdpBlockedBoth => "no STUN answer reaches either side by UDP, so both networks drop UDP, or the server's UDP ports are closed",
        VerdictReason.HardNat => $"{Habit(blame, facts)}, and the other filters by port, so neither side knows the port that must be hit",
        VerdictReason.RandomPortsBoth => "the NAT here gives every destination a random port and so does the peer's, so a guess would have to hit both at once",
        VerdictReason.RandomAgainstPredictable => facts.PortHere == PortKind.Any
            ? $"the NAT here gives every destination a random port, and {Habit(VerdictBlame.There, facts)}, so a guess would have to hit both at once"
            : $"{Habit(VerdictBlame.Here, facts)}, and the peer's gives every destination a random one, so a guess would have to hit both at once",
        VerdictReason.PortsNotHit => $"{Habit(blame, facts)}, and {Guess(facts.Guess!, facts)}",
        VerdictReason.SprayHeldBack => $"{Habit(blame, facts)}, and guesses are held back for now, since they failed before or others are under way",
        VerdictReason.SpoiledByStrangers => $"the {(blame == VerdictBlame.Both ? "routers on both sides give" : $"router {Place(blame)} gives")} a flow another port after a packet that nobody asked for, as the first one of a punch is",
        VerdictReason.OneWay => string.Create(CultureInfo.InvariantCulture, $"{facts.ChecksReceived} checks of the peer came in, but none of the {facts.ChecksSent} from here was answered, so a firewall lets packets through in one direction only"),
        VerdictReason.NoAnswer => string.Create(
            CultureInfo.InvariantCulture,
            $"none of {(facts.UsesUdp ? $"{facts.ChecksSent} checks" : $"{facts.TcpAttempts} TCP attempts")} was answered{(facts.ChecksReceived == 0 ? ", and none came from the peer" : "")}, so a firewall or a NAT on the way drops them"),
        VerdictReason.TcpBlockedHere => "no STUN port of the server is reached by TCP from here, so a firewall here lets TCP out to few ports only",
        VerdictReason.TcpBlockedThere => "the peer has no proved TCP address, so a firewall on its side lets TCP out to few ports only",
        VerdictReason.TcpRefused => string.Create(
            CultureInfo.InvariantCulture, $"{facts.TcpRefusals} of {facts.TcpAttempts} TCP attempts were refused, so a NAT or a firewall on the way minds connections that it does not know"),
        VerdictReason.DataBlocked => "checks pass between the peers, but sealed packets of full size do not",
        VerdictReason.Pending or VerdictReason.Direct or VerdictReason.PathLost => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>What the NAT of the side that is to blame does with ports, as the subject of a sentence.</summary>
    private static string Habit(VerdictBlame side, VerdictFacts facts) => side switch
    {
        VerdictBlame.Here => $"the NAT here {Habit(facts.PortHere)}",
        VerdictBlame.There => $"the peer's NAT {Habit(facts.PortThere)}",
        VerdictBlame.Both when facts.PortHere == facts.PortThere => $"the NAT here {Habit(facts.PortHere)} and so does the peer's",
        VerdictBlame.Both => $"the NAT here {Habit(facts.PortHere)} and the peer's {Habit(facts.PortThere)}",
        VerdictBlame.Nobody => "one NAT gives every destination another port",
    };

    private static string Habit(PortKind port) => port switch
    {
        PortKind.Known => "gives one port for all destinations",
        PortKind.Same => "keeps a port for the first destination only",
        PortKind.Next => "gives every destination the next port",
        PortKind.Any => "gives every destination a random port",
    };

    private static string Guess(MethodAttempt guess, VerdictFacts facts) => guess.Method switch
    {
        PunchMethod.Spray or PunchMethod.TcpSpray => string.Create(
            CultureInfo.InvariantCulture, $"none of {(facts.PortHere == PortKind.Any ? $"{guess.Sockets} sockets here was hit" : $"{guess.Packets} guesses from here was a hit")}"),
        PunchMethod.FreshSocket => "a fresh port did not get through either",
        _ => "the ports that were foreseen were not those that it gave",
    };

    private static string By(PunchMethod method) => method switch
    {
        PunchMethod.Plain or PunchMethod.Tcp or PunchMethod.Relay => "",
        PunchMethod.Silent => ", opened by the peer",
        PunchMethod.Opener => ", with the two NATs opened one after the other",
        PunchMethod.FreshSocket => ", by a fresh port",
        PunchMethod.Predict or PunchMethod.Cross or PunchMethod.TcpPredict => ", by a port that was foreseen",
        PunchMethod.Spray or PunchMethod.TcpSpray => ", by a port that was guessed",
    };

    private static string Place(VerdictBlame side) => side == VerdictBlame.There ? "on the peer's side" : "here";

    /// <summary>What came of TCP, where it was tried too and is not what the sentence is about.</summary>
    private static string DescribeTcp(VerdictReason reason, VerdictFacts facts)
    {
        bool isAbout = facts.UsesUdp && facts.WantsTcp && reason is not (VerdictReason.RelayOnly or VerdictReason.NoCommonTransport or VerdictReason.DataBlocked);
        if (!isAbout || facts.TcpAttempts == 0) return "";
        return facts.TcpRefusals > 0
            ? string.Create(CultureInfo.InvariantCulture, $"; by TCP {facts.TcpRefusals} of {facts.TcpAttempts} attempts were refused")
            : string.Create(CultureInfo.InvariantCulture, $"; by TCP none of {facts.TcpAttempts} attempts was answered");
    }
}
