using System.Collections.Immutable;
using Porthole.Protocol;

namespace Porthole.Lab.Probe;

/// <summary>What stands on both sides of a NAT under examination: two hosts inside, two addresses outside, and sockets on them.</summary>
public interface IProbeNetwork
{
    /// <summary>The two hosts inside, with port 0.</summary>
    ImmutableArray<TransportAddress> Inside { get; }

    /// <summary>The two addresses outside, with port 0.</summary>
    ImmutableArray<TransportAddress> Outside { get; }

    /// <summary>Opens a socket at an address of one of these hosts. It stays open.</summary>
    void Open(TransportAddress local);

    /// <summary>Sends a numbered packet from an open socket.</summary>
    void Send(TransportAddress from, TransportAddress to, uint number);

    /// <summary>Waits for a numbered packet at an open socket, as long as one could possibly take.</summary>
    /// <param name="at">The socket.</param>
    /// <param name="number">The packet's number; others are passed over.</param>
    /// <param name="from">Where it came from, as the socket sees it.</param>
    /// <returns>Whether it arrived.</returns>
    bool TryReceive(TransportAddress at, uint number, out TransportAddress from);

    /// <summary>Lets time pass.</summary>
    void Wait(TimeSpan duration);
}
