namespace Porthole.Cli;

/// <summary>Sends back whatever a peer sends on a connection, stream by stream and datagram by datagram. That is also what answers pings.</summary>
internal static class Echo
{
    private const int BufferSize = 64 * 1024;

    /// <summary>Serves a connection until it is over.</summary>
    public static Task RunAsync(PeerConnection connection, CancellationToken cancellationToken) =>
        Task.WhenAll(EchoStreamsAsync(connection, cancellationToken), EchoDatagramsAsync(connection, cancellationToken));

    private static async Task EchoStreamsAsync(PeerConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            while (true) _ = EchoStreamAsync(await connection.AcceptStreamAsync(cancellationToken).ConfigureAwait(false), cancellationToken);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // The connection, or this program, has come to its end.
        }
    }

    private static async Task EchoStreamAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[BufferSize];
        try
        {
            await using (stream.ConfigureAwait(false))
            {
                int count;
                while ((count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // The peer gave the stream up, or the connection is over.
        }
    }

    private static async Task EchoDatagramsAsync(PeerConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            while (true) connection.SendDatagram((await connection.ReceiveDatagramAsync(cancellationToken).ConfigureAwait(false)).Span);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // As above.
        }
    }
}
