using System.Net;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;
using Porthole.Sockets;

namespace Porthole.Server;

/// <summary>Where a server listens, what it keeps, and whom it serves.</summary>
public sealed record PortholeServerOptions
{
    /// <summary>The least number of STUN ports: two tell mapping behaviour, two more tell how ports are allotted.</summary>
    public const int StunPortCount = 4;

    /// <summary>The address to listen on; the unspecified address means every address of this host.</summary>
    public IPAddress Address { get; init; } = IPAddress.Any;

    /// <summary>
    /// Another address of this host, which clients reach as it is. STUN listens on it too, so that clients learn what one address cannot tell: whether their NAT
    /// maps by address, and whether it lets any address in (RFC 5780 section 4). Null leaves that to public addresses among those that are listened on.
    /// </summary>
    public IPAddress? SecondStunAddress { get; init; }

    /// <summary>The TCP port of main connections and <c>/health</c>; 0 leaves the choice to the system.</summary>
    public int Port { get; init; } = MainConnection.DefaultPort;

    /// <summary>Whether another port will do where <see cref="Port"/> is taken.</summary>
    public bool AnyPortInstead { get; init; } = true;

    /// <summary>The first STUN port (UDP and TCP), 0 for any; the next <see cref="StunPortCount"/> - 1 ports are used too (UDP).</summary>
    public int StunPort { get; init; } = StunServerOptions.DefaultPort;

    /// <summary>Whether other ports will do where those from <see cref="StunPort"/> on are taken.</summary>
    public bool AnyStunPortInstead { get; init; } = true;

    /// <summary>The folder that holds the server's key and the names file; null keeps both in memory, so that they are gone with the process.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>What the rendezvous protocol allows.</summary>
    public RendezvousServerOptions Rendezvous { get; init; } = new();

    /// <summary>What the STUN ports allow.</summary>
    public StunServerOptions Stun { get; init; } = StunServerOptions.Default;
}
