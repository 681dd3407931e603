namespace Porthole.Lab.Nat;

/// <summary>What matters of a NAT to a TCP punch.</summary>
/// <param name="Mapping">When ports are reused.</param>
/// <param name="Filtering">Whose SYNs are let in.</param>
/// <param name="Answer">What it does with SYNs that it does not let in.</param>
/// <param name="Resets">What a RST does to its state.</param>
/// <param name="TracksSimultaneousOpen">Whether it lets a SYN in that crosses one from inside.</param>
public readonly record struct TcpPunchSide(
    NatMapping Mapping,
    NatFiltering Filtering,
    UnsolicitedSyn Answer = UnsolicitedSyn.Drop,
    TcpResetEffect Resets = TcpResetEffect.EndsSession,
    bool TracksSimultaneousOpen = true)
{
    /// <summary>The nine behaviours of mapping and filtering with each of some answers.</summary>
    public static IReadOnlyList<TcpPunchSide> All(params UnsolicitedSyn[] answers) =>
    [
        .. from answer in answers
           from mapping in Enum.GetValues<NatMapping>()
           from filtering in Enum.GetValues<NatFiltering>()
           select new TcpPunchSide(mapping, filtering, answer),
    ];

    /// <summary>A NAT that behaves so.</summary>
    public NatProfile ToProfile() => NatProfile.Of(Mapping, Filtering) with
    {
        Name = ToString(),
        Tcp = new NatTcpProfile { UnsolicitedSyn = Answer, Resets = Resets, TracksSimultaneousOpen = TracksSimultaneousOpen },
    };

    /// <summary>Mapping, filtering and what is not the usual in short: <c>E/APDF RST</c>.</summary>
    public override string ToString() => NatProfile.Of(Mapping, Filtering).Name
        + Answer switch { UnsolicitedSyn.Drop => "", UnsolicitedSyn.Reset => " RST", UnsolicitedSyn.PortUnreachable => " ICMP", UnsolicitedSyn.Prohibited => " ICMP13" }
        + Resets switch { TcpResetEffect.EndsSession => "", TcpResetEffect.Ignored => " deaf", TcpResetEffect.EndsMapping => " frail" }
        + (TracksSimultaneousOpen ? "" : " strict");
}
