namespace Porthole.Protocol.Discovery;

/// <summary>Whom a NAT lets in (RFC 4787 section 5), as far as it could be found out.</summary>
public enum NatFiltering
{
    /// <summary>Not found out: the server has no second port or address to send from, or nothing is translated or filtered.</summary>
    Unknown,

    /// <summary>Everybody (EIF).</summary>
    EndpointIndependent,

    /// <summary>Every port of an address that was sent to (ADF).</summary>
    AddressDependent,

    /// <summary>Only the address and port that was sent to (APDF).</summary>
    AddressAndPortDependent,

    /// <summary>EIF or ADF: a server with one address cannot tell them apart.</summary>
    EndpointOrAddressDependent,
}

/// <summary>Filtering behaviours in words.</summary>
public static class NatFilterings
{
    extension(NatFiltering filtering)
    {
        /// <summary>The short form: EIF, ADF, APDF, EIF-or-ADF, unknown.</summary>
        public string Code => filtering switch
        {
            NatFiltering.Unknown => "unknown",
            NatFiltering.EndpointIndependent => "EIF",
            NatFiltering.AddressDependent => "ADF",
            NatFiltering.AddressAndPortDependent => "APDF",
            NatFiltering.EndpointOrAddressDependent => "EIF-or-ADF",
        };
    }
}
