namespace Porthole.Protocol;

/// <summary>What a machine asks of the operating system, through its driver.</summary>
/// <param name="Socket">The number that the machine gave the socket.</param>
public abstract record SocketRequest(SocketId Socket)
{
    /// <summary>A UDP socket bound to one local address.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The address to bind; port 0 leaves the choice to the system.</param>
    /// <param name="TimeToLive">The IP time to live of what it sends; null is the system's default.</param>
    public sealed record UdpBind(SocketId Socket, TransportAddress Local, int? TimeToLive = null) : SocketRequest(Socket);

    /// <summary>A TCP listener.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The address to bind.</param>
    /// <param name="Shared">Whether connections may go out from the same port (hole punching).</param>
    public sealed record TcpListen(SocketId Socket, TransportAddress Local, bool Shared) : SocketRequest(Socket);

    /// <summary>A TCP connection whose messages are framed (RFC 4571).</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The address to connect from.</param>
    /// <param name="Remote">The address to connect to.</param>
    /// <param name="NotBefore">When the SYN may leave.</param>
    public sealed record TcpConnect(SocketId Socket, TransportAddress Local, TransportAddress Remote, Instant NotBefore) : SocketRequest(Socket);

    /// <summary>The main connection to a rendezvous server: messages over a WebSocket. The driver resolves the name and makes the upgrade.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Server">The server, as an <c>http</c> or <c>https</c> URI without a path.</param>
    public sealed record ServerConnect(SocketId Socket, Uri Server) : SocketRequest(Socket);

    /// <summary>Gives a socket up. No event follows.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Abortive">Whether a connection ends with RST instead of FIN.</param>
    public sealed record Close(SocketId Socket, bool Abortive = false) : SocketRequest(Socket);
}
