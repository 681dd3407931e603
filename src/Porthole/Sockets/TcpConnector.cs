using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Runtime;

namespace Porthole.Sockets;

/// <summary>Makes one attempt at a TCP connection from a given local address, at a given moment, and names what fails.</summary>
internal static class TcpConnector
{
    /// <summary>What the system's timers resolve.</summary>
    private static readonly TimeSpan s_resolution = TimeSpan.FromMilliseconds(1);

    /// <summary>Starts to connect. Without a moment to wait for, the first packet has left when this returns.</summary>
    public static TcpConnection Open(SocketRequest.TcpConnect request, ISocketInbox inbox)
    {
        var connection = new TcpConnection(request.Socket, request.Framing, inbox);
        _ = RunAsync(connection, request, inbox);
        return connection;
    }

    private static async Task RunAsync(TcpConnection connection, SocketRequest.TcpConnect request, ISocketInbox inbox)
    {
        SocketEvent.Failed? failed = null;
        Socket? open = null;
        bool isBound = false;
        try
        {
            await WaitAsync(inbox.Clock, request.NotBefore, connection.Aborting).ConfigureAwait(false);
            // A socket whose connect has failed is of no more use, on Linux: one for each attempt.
            var socket = TcpSockets.Bind(request.Local);
            isBound = true;
            connection.Attach(socket);
            TcpSockets.Prepare(socket);
            await socket.ConnectAsync(request.Remote.ToEndPoint()).ConfigureAwait(false);
            if (!connection.TryOpen()) throw new OperationCanceledException();
            inbox.Deliver(new SocketEvent.Opened(request.Socket, TransportAddress.FromEndPoint((IPEndPoint)socket.LocalEndPoint!), request.Remote));
            open = socket;
        }
        catch (SocketException exception)
        {
            failed = new SocketEvent.Failed(request.Socket, Classify(exception.SocketErrorCode, isBound), Describe(exception, isBound));
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // Closed while it connected.
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException or InvalidOperationException)
        {
            failed = new SocketEvent.Failed(request.Socket, SocketFailure.Unreachable, "no connection can be made between these two addresses");
        }

        if (open is null) connection.End(failed);
        else await connection.RunAsync(open, request.Remote).ConfigureAwait(false);
    }

    private static async ValueTask WaitAsync(InstantClock clock, Instant until, CancellationToken cancellationToken)
    {
        for (var left = until - clock.Now; left > TimeSpan.Zero; left = until - clock.Now)
        {
            // Whole milliseconds, rounded up: a delay cuts the rest off, and would end before its time.
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left / s_resolution)), clock.Provider, cancellationToken).ConfigureAwait(false);
        }
    }

    private static SocketFailure Classify(SocketError error, bool isBound) => error switch
    {
        // The answer to a SYN|ACK of a simultaneous open; to a SYN it would be "refused".
        SocketError.ConnectionReset or SocketError.ConnectionAborted => SocketFailure.Refused,
        // The port is had, but not for a connection to there: one exists, or did until a moment ago (TIME_WAIT).
        SocketError.AddressNotAvailable when isBound => SocketFailure.InUse,
        _ => SocketFailures.Classify(error),
    };

    private static string Describe(SocketException exception, bool isBound) =>
        isBound && exception.SocketErrorCode == SocketError.AddressNotAvailable
            ? "a connection between these two addresses exists, or did until a moment ago"
            : SocketFailures.Describe(exception);
}
