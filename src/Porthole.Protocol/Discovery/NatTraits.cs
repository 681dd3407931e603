namespace Porthole.Protocol.Discovery;

/// <summary>What trials have shown of the NAT before one local address.</summary>
/// <param name="host">The address, with port 0.</param>
internal sealed class NatTraits(TransportAddress host)
{
    private NatTrialResults _found;

    public TransportAddress Host { get; } = host;

    /// <summary>Whether those trials that need a first report were begun in this round.</summary>
    public bool IsFollowedUp { get; set; }

    /// <summary>What is reported: what others wait for at once, the rest when all trials have ended, so that one report follows and not five.</summary>
    public NatTrialResults Shown { get; private set; }

    /// <summary>Takes the end of a trial.</summary>
    public void Take(NatQuestionKind kind, bool passed)
    {
        switch (kind)
        {
            case NatQuestionKind.OtherPort:
                _found.AdmitsOtherPort = passed;
                if (passed) Shown = Shown with { AdmitsOtherPort = true };
                break;
            case NatQuestionKind.OtherHost:
                _found.AdmitsOtherHost = passed;
                if (passed) Shown = Shown with { AdmitsOtherHost = true };
                break;
            case NatQuestionKind.Stranger:
                _found.IsSpoiledByStrangers = passed;
                Shown = Shown with { IsSpoiledByStrangers = passed };
                break;
            case NatQuestionKind.Hairpin:
                _found.Hairpins = passed;
                break;
            case NatQuestionKind.Large:
                _found.PassesLarge = passed;
                break;
            case NatQuestionKind.Mapped:
                break;
        }
    }

    /// <summary>All trials of this round have ended.</summary>
    public void Publish() => Shown = _found;
}

/// <summary>What trials have shown; null where they have shown nothing.</summary>
internal record struct NatTrialResults
{
    public bool? AdmitsOtherPort { get; set; }

    public bool? AdmitsOtherHost { get; set; }

    public bool? IsSpoiledByStrangers { get; set; }

    public bool? Hairpins { get; set; }

    public bool? PassesLarge { get; set; }

    /// <summary>Whom the NAT lets in (RFC 5780 section 4.4).</summary>
    public readonly NatFiltering Filtering => (AdmitsOtherHost, AdmitsOtherPort) switch
    {
        (true, _) => NatFiltering.EndpointIndependent,
        (_, false) => NatFiltering.AddressAndPortDependent,
        (false, true) => NatFiltering.AddressDependent,
        (null, true) => NatFiltering.EndpointOrAddressDependent,
        (_, null) => NatFiltering.Unknown,
    };
}
