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

    /// <summary>The NAT ends mappings at an age, and that of a socket's mapping is near: put another socket in its place.</summary>
    /// <param name="Socket">The socket.</param>
    public sealed record MappingAgeing(SocketId Socket) : NatProbeEvent;
}
