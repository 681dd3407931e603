using System.Collections.Immutable;

namespace Porthole.Protocol;

/// <summary>What became of a socket, or of the network, as a driver tells it to a machine.</summary>
public abstract record SocketEvent
{
    private SocketEvent() { }

    /// <summary>The socket is open.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The address it is bound to.</param>
    /// <param name="Remote">The address it is connected to; default for UDP sockets and listeners.</param>
    public sealed record Opened(SocketId Socket, TransportAddress Local, TransportAddress Remote) : SocketEvent;

    /// <summary>A listener took a connection.</summary>
    /// <param name="Listener">The listener.</param>
    /// <param name="Socket">The connection, numbered by the driver.</param>
    /// <param name="Remote">Who connected.</param>
    public sealed record Accepted(SocketId Listener, SocketId Socket, TransportAddress Remote) : SocketEvent;

    /// <summary>The socket could not be opened, or is lost.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Reason">What happened.</param>
    /// <param name="Detail">One line for a person.</param>
    public sealed record Failed(SocketId Socket, SocketFailure Reason, string Detail) : SocketEvent;

    /// <summary>A datagram that a UDP socket sent met an ICMP error (RFC 792, RFC 4443): it did not arrive. The socket goes on. Not every system tells.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Remote">Where the datagram went; default where that is not known.</param>
    public sealed record Unreachable(SocketId Socket, TransportAddress Remote) : SocketEvent;

    /// <summary>The connection takes messages again, after <see cref="Congested"/>.</summary>
    /// <param name="Socket">Its number.</param>
    public sealed record Writable(SocketId Socket) : SocketEvent;

    /// <summary>The connection has as much unsent as it may have: what is written now waits, and should not be written.</summary>
    /// <param name="Socket">Its number.</param>
    public sealed record Congested(SocketId Socket) : SocketEvent;

    /// <summary>An HTTP request was answered, whatever the answer says.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Status">The status code (RFC 9110 section 15).</param>
    /// <param name="Body">What came.</param>
    public sealed record HttpAnswered(SocketId Socket, int Status, ReadOnlyMemory<byte> Body) : SocketEvent;

    /// <summary>The host's addresses changed. All of them, the new ones too.</summary>
    /// <param name="Addresses">The usable local addresses, with port 0.</param>
    public sealed record NetworkChanged(ImmutableArray<TransportAddress> Addresses) : SocketEvent
    {
        /// <summary>The default gateways, with port 0: where port mappings may be asked for. Empty when there is none, or the system does not say.</summary>
        public ImmutableArray<TransportAddress> Gateways { get; init; } = [];
    }
}

/// <summary>Why a socket could not be opened, or was lost.</summary>
public enum SocketFailure
{
    /// <summary>The other side refused the connection.</summary>
    Refused,

    /// <summary>The network said that the destination cannot be reached.</summary>
    Unreachable,

    /// <summary>No answer in time.</summary>
    TimedOut,

    /// <summary>The local address is taken.</summary>
    InUse,

    /// <summary>The local address is not this host's, or not any more.</summary>
    AddressGone,

    /// <summary>An open connection ended, or broke.</summary>
    Closed,

    /// <summary>The name of the host could not be resolved.</summary>
    NameNotFound,

    /// <summary>The other side is no such server: it answered something else.</summary>
    Protocol,

    /// <summary>The system said no for another reason, which is in the detail.</summary>
    Other,
}
