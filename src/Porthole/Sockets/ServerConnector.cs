using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Authentication;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>Makes the main connection: resolves the server's name, connects from a chosen local port, upgrades to a WebSocket, and names what fails.</summary>
internal static class ServerConnector
{
    /// <summary>How long name, connection and upgrade may take together; the machine tries again by its own plan.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>The head start of each address over the next (RFC 8305 section 5).</summary>
    private static readonly TimeSpan s_attemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Starts to connect.</summary>
    /// <param name="request">The server.</param>
    /// <param name="inbox">Where the events go.</param>
    public static WebSocketConnection Open(SocketRequest.ServerConnect request, ISocketInbox inbox)
    {
        var connection = new WebSocketConnection(request.Socket, inbox);
        _ = RunAsync(connection, request, inbox);
        return connection;
    }

    private static async Task RunAsync(WebSocketConnection connection, SocketRequest.ServerConnect request, ISocketInbox inbox)
    {
        await Task.Yield();
        Socket? tcp = null;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(connection.Aborting);
        timeout.CancelAfter(s_timeout);
        var webSocket = new ClientWebSocket();
        try
        {
            webSocket.Options.AddSubProtocol(MainConnection.SubProtocol);
            webSocket.Options.KeepAliveInterval = TimeSpan.Zero; // the rendezvous protocol has its own
            using var handler = new SocketsHttpHandler
            {
                UseProxy = false, // the address that the server sees must be this host's mapping
                AllowAutoRedirect = false,
                ConnectCallback = async (context, cancellationToken) =>
                {
                    // The handler would ask a second time when the first connection ends without an answer; a Porthole server answers.
                    if (tcp is not null) throw new IOException("closed without an answer");
                    tcp = await ConnectAsync(context.DnsEndPoint, request.LocalPort, cancellationToken).ConfigureAwait(false);
                    return new NetworkStream(tcp, ownsSocket: true);
                },
            };
            using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
            await webSocket.ConnectAsync(WebSocketUri(request.Server), invoker, timeout.Token).ConfigureAwait(false);
            if (webSocket.SubProtocol != MainConnection.SubProtocol) throw new WebSocketException("it answers, but is no Porthole server");
        }
        catch (Exception exception) when (exception is SocketException or WebSocketException or HttpRequestException or OperationCanceledException
            or IOException or AuthenticationException or UriFormatException or ObjectDisposedException or InvalidOperationException)
        {
            webSocket.Dispose();
            if (!connection.IsClosing) inbox.Deliver(Explain(request, exception, tcp is not null));
            connection.End();
            return;
        }

        inbox.Deliver(new SocketEvent.Opened(
            request.Socket,
            TransportAddress.FromEndPoint((IPEndPoint)tcp!.LocalEndPoint!),
            TransportAddress.FromEndPoint((IPEndPoint)tcp.RemoteEndPoint!)));
        await connection.RunAsync(webSocket).ConfigureAwait(false);
    }

    private static Uri WebSocketUri(Uri server) =>
        new UriBuilder(server) { Scheme = server.Scheme == Uri.UriSchemeHttps ? "wss" : "ws", Path = MainConnection.Path }.Uri;

    /// <summary>Tries the server's addresses, each a little after the one before, and keeps the first that answers.</summary>
    private static async Task<Socket> ConnectAsync(DnsEndPoint server, int localPort, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(server.Host, out var literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(server.Host, cancellationToken).ConfigureAwait(false);
        if (addresses.Length == 0) throw new SocketException((int)SocketError.HostNotFound);

        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var attempts = new List<Task<Socket>>();
        SocketException? refusal = null;
        int next = 0;
        while (true)
        {
            if (next < addresses.Length) attempts.Add(ConnectAsync(new IPEndPoint(addresses[next++], server.Port), localPort, others.Token));
            if (attempts.Count == 0) throw refusal ?? new SocketException((int)SocketError.HostUnreachable);
            var first = Task.WhenAny(attempts);
            if (next < addresses.Length) await Task.WhenAny(first, Task.Delay(s_attemptDelay, cancellationToken)).ConfigureAwait(false);
            else await first.ConfigureAwait(false);
            if (!first.IsCompleted) continue;
            var done = await first.ConfigureAwait(false);
            attempts.Remove(done);
            try
            {
                var connected = await done.ConfigureAwait(false);
                await others.CancelAsync().ConfigureAwait(false);
                foreach (var late in attempts) _ = late.ContinueWith(static task => task.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
                return connected;
            }
            catch (SocketException exception)
            {
                refusal ??= exception;
            }
        }
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint server, int localPort, CancellationToken cancellationToken)
    {
        try
        {
            return await ConnectFromAsync(server, localPort, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException exception) when (localPort != 0 && exception.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AddressNotAvailable)
        {
            // Another program has the port, or the last main connection from it ended a moment ago (TIME_WAIT). To be online matters more than the port.
            return await ConnectFromAsync(server, localPort: 0, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<Socket> ConnectFromAsync(IPEndPoint server, int localPort, CancellationToken cancellationToken)
    {
        var any = server.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
        var socket = localPort == 0 ? TcpSockets.Create(server.AddressFamily) : TcpSockets.Bind(TransportAddress.From(any, (ushort)localPort));
        try
        {
            TcpSockets.Prepare(socket);
            await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static SocketEvent.Failed Explain(SocketRequest.ServerConnect request, Exception exception, bool connected)
    {
        for (Exception? inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner is SocketException socket && !connected) return new(request.Socket, SocketFailures.Classify(socket.SocketErrorCode), SocketFailures.Describe(socket));
            if (inner is AuthenticationException) return new(request.Socket, SocketFailure.Protocol, "its TLS certificate is not valid for this name");
        }

        if (exception is OperationCanceledException)
        {
            string what = connected ? "it accepted the connection but did not answer" : "no answer";
            return new(request.Socket, SocketFailure.TimedOut, $"{what} within {s_timeout.TotalSeconds:0} s");
        }

        return new(request.Socket, SocketFailure.Protocol, "something answers there, but it is no Porthole server");
    }
}
