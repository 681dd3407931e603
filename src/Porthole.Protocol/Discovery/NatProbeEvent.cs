namespace Porthole.Protocol.Discovery;

/// <summary>What a probe found.</summary>
public abstract record NatProbeEvent
{
    private NatProbeEvent() { }

    /// <summary>There is a report, and it says something new. Register its mappings.</summary>
    /// <param name="Report">The report.</param>
    public sealed record Reported(NatReport Report) : NatProbeEvent;

    /// <summary>A STUN server does not take the credential (any more): get a new one.</summary>
    /// <param name="Server">The server that refused.</param>
    public sealed record CredentialRefused(TransportAddress Server) : NatProbeEvent;
}
