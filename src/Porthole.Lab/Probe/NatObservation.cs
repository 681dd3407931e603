using Porthole.Lab.Nat;

namespace Porthole.Lab.Probe;

/// <summary>What a <see cref="BehaviorProbe"/> saw of a NAT from both of its sides. Two NATs that behave alike give equal observations.</summary>
public sealed record NatObservation
{
    /// <summary>Whether addresses or ports are changed at all.</summary>
    public required bool Translates { get; init; }

    /// <summary>When the external port is reused (RFC 4787 section 4.1).</summary>
    public required NatMapping Mapping { get; init; }

    /// <summary>Who is let in (RFC 4787 section 5).</summary>
    public required NatFiltering Filtering { get; init; }

    /// <summary>How external ports are chosen.</summary>
    public required PortChoice Allocation { get; init; }

    /// <summary>Whether two hosts may hold one external port toward different remotes; <c>null</c> where ports are not preserved.</summary>
    public required bool? SharesPorts { get; init; }

    /// <summary>Whether an answer leaves by the mapping that admitted the question; <c>null</c> where no stranger is admitted.</summary>
    public required bool? AnswersBySameMapping { get; init; }

    /// <summary>What an early packet of the peer costs.</summary>
    public required EarlyInbound EarlyInbound { get; init; }

    /// <summary>What happens to packets to the external address from inside (RFC 4787 section 6).</summary>
    public required Hairpinning Hairpinning { get; init; }

    /// <summary>What was seen of lifetimes, if that was asked for.</summary>
    public LifetimeObservation? Lifetime { get; init; }

    /// <summary>What was seen of connections; <c>null</c> when the probe sent datagrams.</summary>
    public ConnectionObservation? Connections { get; init; }

    /// <summary>The report, one line per behaviour.</summary>
    public override string ToString() =>
        $"""
        translation:    {(Translates ? "yes" : "none")}
        mapping:        {Mapping}
        filtering:      {Filtering}
        allocation:     {Allocation}
        shared ports:   {YesNo(SharesPorts)}
        answers:        {(AnswersBySameMapping switch { true => "by the same mapping", false => "by a new mapping", null => "not to be seen" })}
        early inbound:  {EarlyInbound}
        hairpinning:    {Hairpinning}
        lifetime:       {Lifetime?.ToString() ?? "not asked for"}
        """ + (Connections is { } seen ? $"""

        unsolicited:    {seen.Unsolicited}
        crossing SYN:   {(seen.CrossingPasses ? "passes" : "is held up")}
        after a RST:    {(seen.OutlivesReset ? "the far end still passes" : "the far end is a stranger")}
        """ : "");

    private static string YesNo(bool? value) => value switch { true => "yes", false => "no", null => "not to be seen" };
}
