using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>A TCP listener: hands on what it accepts. Closing it leaves its connections alone.</summary>
internal sealed class TcpListenerSocket : INetworkSocket
{
    /// <summary>
    /// Accepted connections of a punching port that are open at once. More are reset: nobody needs as many, and a flood would take every descriptor.
    /// </summary>
    public const int MaxSharedConnections = 128;

    /// <summary>The same of any other port, a server's. It stands behind the limits of the server's machine, which are lower and know hosts and age.</summary>
    public const int MaxConnections = 1_024;

    /// <summary>How long the listener rests when the system cannot accept (no descriptors left): the next attempt would fail as well.</summary>
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(100);

    private readonly MessageFraming _framing;
    private readonly Socket _socket;
    private readonly int _limit;
    private readonly ISocketInbox _inbox;
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _connections;

    private TcpListenerSocket(SocketRequest.TcpListen request, Socket socket, ISocketInbox inbox)
    {
        (Id, _framing, _socket, _inbox) = (request.Socket, request.Framing, socket, inbox);
        _limit = request.Shared ? MaxSharedConnections : MaxConnections;
    }

    public SocketId Id { get; }

    public Task Closed => _closed.Task;

    /// <summary>Binds and listens.</summary>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public static TcpListenerSocket Open(SocketRequest.TcpListen request, ISocketInbox inbox)
    {
        var listener = new TcpListenerSocket(request, TcpSockets.Listen(request.Local, request.Shared), inbox);
        inbox.Deliver(new SocketEvent.Opened(request.Socket, TransportAddress.FromEndPoint((IPEndPoint)listener._socket.LocalEndPoint!), default));
        _ = listener.AcceptAllAsync();
        return listener;
    }

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
    }

    public void Close(bool abortive)
    {
        _closing.Cancel();
        _socket.Dispose(); // at once: the port is free when this returns
    }

    private async Task AcceptAllAsync()
    {
        await Task.Yield(); // the caller is the machine's thread
        try
        {
            while (!_closing.IsCancellationRequested) await AcceptAsync().ConfigureAwait(false);
        }
        finally
        {
            _closed.SetResult(); // whatever happens: the host waits for it
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            Take(await _socket.AcceptAsync(_closing.Token).ConfigureAwait(false));
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionAborted or SocketError.ConnectionReset)
        {
            // It was gone before it was taken.
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            await Task.Delay(s_rest, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Take(Socket accepted)
    {
        if (Interlocked.Increment(ref _connections) > _limit)
        {
            Interlocked.Decrement(ref _connections);
            accepted.Close(0);
            return;
        }

        var connection = new TcpConnection(_inbox.NextAcceptedId(), _framing, _inbox, () => Interlocked.Decrement(ref _connections));
        try
        {
            var remote = TransportAddress.FromEndPoint((IPEndPoint)accepted.RemoteEndPoint!);
            TcpSockets.Prepare(accepted);
            connection.Attach(accepted);
            connection.TryOpen();
            if (!_inbox.Accept(Id, connection, remote)) connection.Close(abortive: true);
            _ = connection.RunAsync(accepted, remote);
        }
        catch (SocketException)
        {
            accepted.Close(0); // it was gone before it was taken
            connection.End(null);
        }
    }
}
