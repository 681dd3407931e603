namespace Porthole.Protocol;

/// <summary>What a machine asks of the operating system, through its driver.</summary>
/// <param name="Socket">The number that the machine gave the socket.</param>
public abstract record SocketRequest(SocketId Socket)
{
    /// <summary>A UDP socket bound to one local address.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The address to bind; port 0 leaves the choice to the system.</param>
    /// <param name="TimeToLive">The IP time to live of what it sends; null is the system's default.</param>
    public sealed record UdpBind(SocketId Socket, TransportAddress Local, int? TimeToLive = null) : SocketRequest(Socket)
    {
        /// <summary>
        /// Whether the socket is one of many that may never carry more than a few datagrams (a spray): a driver gives it little memory and no thread of its own until
        /// traffic comes.
        /// </summary>
        public bool IsTentative { get; init; }

        /// <summary>Whether it sends to groups: they then leave by the interface of the local address, whatever the routes say.</summary>
        public bool IsMulticast { get; init; }
    }

    /// <summary>A TCP listener. What it accepts comes as <see cref="SocketEvent.Accepted"/>, and carries messages from then on.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The address to bind; port 0 leaves the choice to the system. A port that anybody else uses is <see cref="SocketFailure.InUse"/>.</param>
    /// <param name="Shared">Whether connections may go out from the same port (hole punching).</param>
    /// <param name="Framing">How messages lie in the streams of the connections.</param>
    public sealed record TcpListen(SocketId Socket, TransportAddress Local, bool Shared, MessageFraming Framing = MessageFraming.LengthPrefixed)
        : SocketRequest(Socket);

    /// <summary>
    /// A TCP connection that carries messages. One attempt, which goes on until it is answered or closed: how long is the machine's business.
    /// </summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The address to connect from, which a shared listener may use too; port 0 leaves the choice to the system.</param>
    /// <param name="Remote">The address to connect to.</param>
    /// <param name="NotBefore">When the SYN may leave.</param>
    /// <param name="Framing">How messages lie in the stream.</param>
    public sealed record TcpConnect(
        SocketId Socket, TransportAddress Local, TransportAddress Remote, Instant NotBefore, MessageFraming Framing = MessageFraming.LengthPrefixed)
        : SocketRequest(Socket);

    /// <summary>The main connection to a rendezvous server: messages over a WebSocket. The driver resolves the name and makes the upgrade.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Server">The server, as an <c>http</c> or <c>https</c> URI without a path.</param>
    /// <param name="LocalPort">
    /// The local TCP port, shared with hole punching so that its mapping stays warm; 0 leaves it to the system. Where the port cannot be had, any other is
    /// taken: to be online matters more.
    /// </param>
    public sealed record ServerConnect(SocketId Socket, Uri Server, ushort LocalPort = 0) : SocketRequest(Socket);

    /// <summary>
    /// One HTTP request to an address of the local network, answered by <see cref="SocketEvent.HttpAnswered"/> or <see cref="SocketEvent.Failed"/>; the number
    /// is then free. No proxy, no redirect, no name is followed.
    /// </summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Local">The local address to connect from; its port does not matter.</param>
    /// <param name="Target">What is asked for; its host is a number.</param>
    /// <param name="Action">The SOAP action of a POST; null for a GET.</param>
    /// <param name="Body">What is posted, XML; empty for a GET.</param>
    /// <param name="MaxAnswer">The longest body that is taken, in bytes; a longer one is a failure.</param>
    /// <param name="Timeout">How long all of it may take.</param>
    public sealed record HttpAsk(SocketId Socket, TransportAddress Local, Uri Target, string? Action, string Body, int MaxAnswer, TimeSpan Timeout) : SocketRequest(Socket);

    /// <summary>Gives a socket up. No event follows. An HTTP request is carried out all the same, unless the end is abortive.</summary>
    /// <param name="Socket">Its number.</param>
    /// <param name="Abortive">Whether a connection ends with RST instead of FIN.</param>
    public sealed record Close(SocketId Socket, bool Abortive = false) : SocketRequest(Socket);
}
