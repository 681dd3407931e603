using System.Net;
using System.Net.Sockets;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Punching;

/// <summary>Asks a STUN server (RFC 8489) what it sees of a socket.</summary>
internal static class MappingQuery
{
    private const int MaxMessage = 2_048;

    /// <summary>Seven requests within eight seconds, and two more to wait: a person waits for the answer.</summary>
    private static readonly RetransmissionSchedule s_schedule = new(TimeSpan.FromMilliseconds(125), attempts: 7, lastWait: 16);

    /// <summary>How long a connection to the server, and its answer, may take.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Asks over UDP. What others send to the socket meanwhile is dropped.</summary>
    public static async Task<IPEndPoint> AskAsync(Socket socket, IPEndPoint server, CancellationToken cancellationToken)
    {
        var clock = new InstantClock(TimeProvider.System);
        var transaction = new StunTransaction(TransactionId.Create(OperatingSystemEntropy.Instance), s_schedule, clock.Now);
        byte[] request = Request(transaction.Id), buffer = new byte[MaxMessage];
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<SocketReceiveFromResult>? receiving = null;
        try
        {
            while (true)
            {
                if (transaction.TryBeginAttempt(clock.Now)) await socket.SendToAsync(request, SocketFlags.None, server, cancellationToken).ConfigureAwait(false);
                if (transaction.NextDeadline is not { } due) throw NoAnswer(server, "UDP", null);
                receiving ??= socket.ReceiveFromAsync(buffer, SocketFlags.None, any, ending.Token).AsTask();
                if (due - clock.Now is var wait && wait > TimeSpan.Zero) await ((Task)receiving).WaitAsync(wait, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
                if (!receiving.IsCompleted) continue;
                int length = receiving.IsCompletedSuccessfully ? receiving.Result.ReceivedBytes : 0; // Windows reports an ICMP answer as a failed receive
                receiving = null;
                if (TryRead(buffer.AsSpan(0, length), transaction.Id, out var mapped)) return mapped;
            }
        }
        catch (SocketException exception)
        {
            throw NoAnswer(server, "UDP", exception);
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            if (receiving is not null) await ((Task)receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Asks over a TCP connection from a port that is shared, and keeps the connection.</summary>
    public static async Task<TcpMapping> ConnectAsync(IPEndPoint local, IPEndPoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            Bind(socket, local);
            using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            late.CancelAfter(s_patience);
            return new TcpMapping(socket, await AskOverTcpAsync(socket, server, late.Token).ConfigureAwait(false));
        }
        catch (Exception exception)
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            if (exception is SocketException or OperationCanceledException) throw NoAnswer(server, "TCP", exception as SocketException);
            throw;
        }
    }

    private static async Task<IPEndPoint> AskOverTcpAsync(Socket socket, IPEndPoint server, CancellationToken cancellationToken)
    {
        await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
        var id = TransactionId.Create(OperatingSystemEntropy.Instance);
        await socket.SendAsync(Request(id), SocketFlags.None, cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[MaxMessage];
        for (int length = 0; length < buffer.Length;)
        {
            int count = await socket.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, cancellationToken).ConfigureAwait(false);
            if (count == 0) break;
            length += count;
            if (StunFrame.Find(buffer.AsSpan(0, length), out int size) == StunFrameStatus.Incomplete) continue;
            if (size > 0 && TryRead(buffer.AsSpan(0, size), id, out var mapped)) return mapped;
            break;
        }

        throw new PunchException(PunchStep.Mapping, $"What answers at {server} by TCP is no STUN server. Is the port right?");
    }

    private static void Bind(Socket socket, IPEndPoint local)
    {
        try
        {
            socket.Bind(local);
        }
        catch (SocketException exception)
        {
            throw new PunchException(PunchStep.Binding, $"{local} cannot be bound: {SocketFailures.Describe(exception)}. Choose another port.", exception);
        }
    }

    private static byte[] Request(TransactionId id)
    {
        byte[] buffer = new byte[MaxMessage];
        var message = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, id);
        message.WriteFingerprint();
        return message.Written.ToArray();
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, TransactionId id, out IPEndPoint mapped)
    {
        mapped = null!;
        if (!StunReader.TryParse(bytes, out var message) || message.Class != StunClass.SuccessResponse || message.TransactionId != id) return false;
        if (!message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var address)) return false;
        mapped = address.ToEndPoint();
        return true;
    }

    private static PunchException NoAnswer(IPEndPoint server, string transport, SocketException? exception)
    {
        string why = exception is null ? "no answer" : SocketFailures.Describe(exception);
        return new PunchException(PunchStep.Mapping, $"The STUN server {server} did not say by {transport} what it sees: {why}. Is the address right, and its {transport} port open in the firewalls?", exception);
    }
}
