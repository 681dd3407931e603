namespace Porthole.Protocol.Discovery;

/// <summary>When a NAT uses a mapping again (RFC 4787 section 4.1), as far as it could be found out.</summary>
public enum NatMapping
{
    /// <summary>Not found out: too few answers.</summary>
    Unknown,

    /// <summary>One mapping for all destinations (EIM); also where there is no NAT.</summary>
    EndpointIndependent,

    /// <summary>One mapping for each destination address (ADM).</summary>
    AddressDependent,

    /// <summary>One mapping for each destination address and port (APDM).</summary>
    AddressAndPortDependent,

    /// <summary>EIM or ADM: servers at one address cannot tell them apart.</summary>
    EndpointOrAddressDependent,

    /// <summary>No answer came back: the transport does not pass.</summary>
    Blocked,
}

/// <summary>Mapping behaviours in words.</summary>
public static class NatMappings
{
    extension(NatMapping mapping)
    {
        /// <summary>The short form: EIM, ADM, APDM, EIM-or-ADM, blocked, unknown.</summary>
        public string Code => mapping switch
        {
            NatMapping.Unknown => "unknown",
            NatMapping.EndpointIndependent => "EIM",
            NatMapping.AddressDependent => "ADM",
            NatMapping.AddressAndPortDependent => "APDM",
            NatMapping.EndpointOrAddressDependent => "EIM-or-ADM",
            NatMapping.Blocked => "blocked",
        };

        /// <summary>One line for a person.</summary>
        public string Meaning => mapping switch
        {
            NatMapping.Unknown => "too few answers to tell how the NAT maps",
            NatMapping.EndpointIndependent => "one public port for all destinations: easy to reach directly",
            NatMapping.AddressDependent => "another public port for each destination address: hard to reach directly",
            NatMapping.AddressAndPortDependent => "another public port for each destination: hard to reach directly",
            NatMapping.EndpointOrAddressDependent => "one public port for all ports of the server; other addresses could not be tried",
            NatMapping.Blocked => "it does not pass",
        };
    }
}
