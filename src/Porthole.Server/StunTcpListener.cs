using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Protocol.Stun;
using Porthole.Runtime;

namespace Porthole.Server;

/// <summary>STUN over TCP (RFC 8489 section 6.2.2): tells a client what its TCP connections look like from outside. Few, short, and limited connections.</summary>
internal sealed class StunTcpListener : IAsyncDisposable
{
    /// <summary>How many connections are served at once; a TCP mapping is measured in one round trip, or kept for the time of a punch.</summary>
    public const int MaxConnections = 512;

    /// <summary>How long a connection may be silent: longer than the pause between two refreshes of a mapping.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);

    private readonly Socket _listener;
    private readonly StunResponder _responder;
    private readonly InstantClock _clock;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Task _accepting;
    private int _connections;

    /// <summary>Listens.</summary>
    /// <exception cref="SocketException">The address is taken, or not this host's.</exception>
    public StunTcpListener(IPEndPoint local, StunResponder responder, InstantClock clock)
    {
        (_responder, _clock) = (responder, clock);
        _listener = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(local);
            _listener.Listen(64);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        _accepting = AcceptAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket connection;
            try
            {
                connection = await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                continue; // the client was gone before it was taken
            }

            if (Interlocked.Increment(ref _connections) > MaxConnections)
            {
                Interlocked.Decrement(ref _connections);
                connection.Close(0);
                continue;
            }

            _ = ServeAsync(connection);
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        byte[] received = new byte[StunFrame.MaxMessageSize];
        byte[] answer = new byte[StunResponder.MaxAnswer];
        try
        {
            var remote = TransportAddress.FromEndPoint((IPEndPoint)connection.RemoteEndPoint!);
            var local = TransportAddress.FromEndPoint((IPEndPoint)connection.LocalEndPoint!);
            using var idle = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            int count = 0;
            while (true)
            {
                idle.CancelAfter(IdleTimeout);
                int read = await connection.ReceiveAsync(received.AsMemory(count), idle.Token).ConfigureAwait(false);
                if (read == 0) return;
                count += read;
                StunFrameStatus status;
                while ((status = StunFrame.Find(received.AsSpan(0, count), out int length)) == StunFrameStatus.Complete)
                {
                    int size = Respond(remote, local, received.AsSpan(0, length), answer);
                    received.AsSpan(length, count - length).CopyTo(received);
                    count -= length;
                    if (size > 0) await connection.SendAsync(answer.AsMemory(0, size), idle.Token).ConfigureAwait(false);
                }

                if (status == StunFrameStatus.Broken) return;
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client is gone, silent, or the server stops: nothing is lost with it.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
            connection.Dispose();
        }
    }

    private int Respond(TransportAddress remote, TransportAddress local, ReadOnlySpan<byte> message, Span<byte> answer)
    {
        lock (_gate) return _responder.Respond(_clock.Now, remote, local, default, message, answer);
    }
}
