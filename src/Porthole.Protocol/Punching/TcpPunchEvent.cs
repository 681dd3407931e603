namespace Porthole.Protocol.Punching;

/// <summary>What a puncher has to tell its owner.</summary>
public abstract record TcpPunchEvent
{
    private TcpPunchEvent() { }

    /// <summary>
    /// A connection is there. Who is at its other end nobody has proved yet: that is asked on the connection itself. The socket is the owner's from now on.
    /// </summary>
    /// <param name="Socket">The connection.</param>
    /// <param name="Local">Its local address.</param>
    /// <param name="Remote">Its remote address.</param>
    public sealed record Connected(SocketId Socket, TransportAddress Local, TransportAddress Remote) : TcpPunchEvent;

    /// <summary>
    /// The port is spent: a NAT has refused for a second, or said that there is no way. A new port, with a new mapping, can do better; when it is given with
    /// <see cref="TcpPuncher.AddLocal"/>, the puncher goes on from there. Said once for each port.
    /// </summary>
    /// <param name="Listener">The listener of the port.</param>
    public sealed record FreshPortWanted(SocketId Listener) : TcpPunchEvent;

    /// <summary>The time, or the attempts, are used up. What was still under way is closed.</summary>
    public sealed record Exhausted : TcpPunchEvent;
}
