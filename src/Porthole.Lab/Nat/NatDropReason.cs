namespace Porthole.Lab.Nat;

/// <summary>Why a NAT or firewall dropped a packet.</summary>
public enum NatDropReason
{
    /// <summary>It did not.</summary>
    None,

    /// <summary>From outside, to a port without a mapping.</summary>
    NoMapping,

    /// <summary>From outside, from somebody the filter does not admit.</summary>
    Filtered,

    /// <summary>From inside, to the NAT's own external address, and the NAT cannot hairpin.</summary>
    NoHairpin,

    /// <summary>The table is full.</summary>
    TableFull,

    /// <summary>The internal host has used up its share of the table.</summary>
    HostFull,

    /// <summary>There is no free external port.</summary>
    NoFreePort,

    /// <summary>A TCP segment that belongs to no connection, or that its connection does not allow now.</summary>
    NoConnection,

    /// <summary>UDP does not pass here.</summary>
    UdpBlocked,
}

/// <summary>Drop reasons in words.</summary>
public static class NatDropReasons
{
    extension(NatDropReason reason)
    {
        /// <summary>The reason for a person.</summary>
        public string Meaning => reason switch
        {
            NatDropReason.None => "passed",
            NatDropReason.NoMapping => "no mapping at that port",
            NatDropReason.Filtered => "the inside has not sent to that address",
            NatDropReason.NoHairpin => "no hairpinning",
            NatDropReason.TableFull => "the table is full",
            NatDropReason.HostFull => "the host has too many mappings",
            NatDropReason.NoFreePort => "no free port",
            NatDropReason.NoConnection => "no connection, or not in that state",
            NatDropReason.UdpBlocked => "no UDP passes",
        };
    }
}
