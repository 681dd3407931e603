namespace Porthole.Protocol.Discovery;

/// <summary>What a probe over TCP found.</summary>
public abstract record TcpNatProbeEvent
{
    private TcpNatProbeEvent() { }

    /// <summary>There is a report, and it says something new. Register its mappings.</summary>
    /// <param name="Report">The report.</param>
    public sealed record Reported(TcpNatReport Report) : TcpNatProbeEvent;

    /// <summary>A sample that was asked for has come, or will not come. One for each <see cref="TcpNatProbe.Sample"/> that was not asked while another ran.</summary>
    /// <param name="Listener">The listener on the punching port.</param>
    /// <param name="Mapped">What the NAT gave the newest connection of the port; null when no server answered in time.</param>
    public sealed record Sampled(SocketId Listener, TransportAddress? Mapped) : TcpNatProbeEvent;

    /// <summary>A STUN server does not take the credential (any more): get a new one.</summary>
    /// <param name="Server">The server that refused.</param>
    public sealed record CredentialRefused(TransportAddress Server) : TcpNatProbeEvent;
}
