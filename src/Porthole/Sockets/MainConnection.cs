namespace Porthole.Sockets;

/// <summary>What client and server agree on about the main connection, below its messages.</summary>
public static class MainConnection
{
    /// <summary>The path of the WebSocket on the server.</summary>
    public const string Path = "/porthole";

    /// <summary>The WebSocket subprotocol (RFC 6455 section 1.9). A server that does not choose it is no Porthole server.</summary>
    public const string SubProtocol = "porthole.1";

    /// <summary>The port of a server whose address names none.</summary>
    public const int DefaultPort = 8848;

    /// <summary>The longest message either side sends: the longest datagram a machine may write.</summary>
    public const int MaxMessage = Protocol.DatagramBatchWriter.MaxDatagram;
}
