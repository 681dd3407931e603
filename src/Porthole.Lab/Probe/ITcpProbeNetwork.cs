using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Probe;

/// <summary>An <see cref="IProbeNetwork"/> whose numbered packets are SYNs, and where it is seen how they are answered. The hosts themselves answer none.</summary>
public interface ITcpProbeNetwork : IProbeNetwork
{
    /// <summary>Refuses a SYN with the RST that a host sends where nobody listens.</summary>
    /// <param name="from">The open socket that the SYN has reached.</param>
    /// <param name="to">Where the SYN came from, as the socket sees it.</param>
    /// <param name="number">The number of the SYN.</param>
    void Refuse(TransportAddress from, TransportAddress to, uint number);

    /// <summary>Waits for the answer to a SYN, as long as one could possibly take.</summary>
    /// <param name="at">The socket the SYN was sent from.</param>
    /// <param name="number">The number of the SYN.</param>
    UnsolicitedSyn SeeAnswer(TransportAddress at, uint number);
}
