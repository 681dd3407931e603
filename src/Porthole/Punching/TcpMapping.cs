using System.Net;
using System.Net.Sockets;

namespace Porthole.Punching;

/// <summary>
/// The mapping of a local TCP port, and the connection to the STUN server that keeps it alive. Dispose it when the punch is over.
/// </summary>
public sealed class TcpMapping : IDisposable
{
    private readonly Socket _connection;

    internal TcpMapping(Socket connection, IPEndPoint mapped)
    {
        _connection = connection;
        Local = (IPEndPoint)connection.LocalEndPoint!;
        Mapped = mapped;
    }

    /// <summary>The local address and port: where to punch from.</summary>
    public IPEndPoint Local { get; }

    /// <summary>What the server saw: what to tell the other side.</summary>
    public IPEndPoint Mapped { get; }

    /// <summary>Closes the connection to the server. The mapping may live on for a while; nothing keeps it.</summary>
    public void Dispose()
    {
        _connection.LingerState = new LingerOption(true, 0); // no TIME_WAIT on a port that others use
        _connection.Dispose();
    }
}
