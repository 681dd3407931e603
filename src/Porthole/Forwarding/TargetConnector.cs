using System.Net;
using System.Net.Sockets;
using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>Connects to what is shared.</summary>
internal static class TargetConnector
{
    /// <summary>The sharer's own host: programs listen on either.</summary>
    private static readonly IPAddress[] s_own = [IPAddress.Loopback, IPAddress.IPv6Loopback];

    /// <summary>Connects a TCP socket.</summary>
    /// <returns>The socket, or why there is none.</returns>
    public static async Task<(Socket? Socket, ForwardAnswer Answer)> ConnectAsync(ForwardTarget target, TimeSpan timeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var failure = new ForwardAnswer(ForwardStatus.Unreachable, $"The host of {target} has no address.");
        try
        {
            foreach (var address in await ResolveAsync(target.Host, either.Token).ConfigureAwait(false))
            {
                var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync(new IPEndPoint(address, target.Port), either.Token).ConfigureAwait(false);
                    return (socket, new ForwardAnswer(ForwardStatus.Connected));
                }
                catch (SocketException exception)
                {
                    socket.Dispose();
                    if (failure.Status != ForwardStatus.Refused) failure = Explain(target, exception); // of several, the one that came nearest
                }
                catch (OperationCanceledException)
                {
                    socket.Close(0); // RST: the target may have been reached just now, and this is no end in order
                    throw;
                }
            }
        }
        catch (SocketException exception)
        {
            failure = Explain(target, exception);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            failure = new ForwardAnswer(ForwardStatus.TimedOut, $"{target} did not answer within {timeout.TotalSeconds:0.###} s.");
        }

        return (null, failure);
    }

    /// <summary>Finds the address of a UDP target; nobody is asked whether it listens.</summary>
    /// <returns>The address, or why there is none.</returns>
    public static async Task<(IPEndPoint? Address, ForwardAnswer Answer)> ResolveAsync(ForwardTarget target, TimeSpan timeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            var addresses = await ResolveAsync(target.Host, either.Token).ConfigureAwait(false);
            return addresses is [var first, ..]
                ? (new IPEndPoint(first, target.Port), new ForwardAnswer(ForwardStatus.Connected))
                : (null, new ForwardAnswer(ForwardStatus.Unreachable, $"The host of {target} has no address."));
        }
        catch (SocketException exception)
        {
            return (null, Explain(target, exception));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, new ForwardAnswer(ForwardStatus.TimedOut, $"The address of {target} was not found within {timeout.TotalSeconds:0.###} s."));
        }
    }

    private static async ValueTask<IPAddress[]> ResolveAsync(string? host, CancellationToken cancellationToken)
    {
        if (host is null) return s_own;
        return IPAddress.TryParse(host, out var address) ? [address] : await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
    }

    private static ForwardAnswer Explain(ForwardTarget target, SocketException exception) => exception.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => new ForwardAnswer(ForwardStatus.Refused, $"Nobody listens on {target}."),
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => new ForwardAnswer(ForwardStatus.Unreachable, $"The host of {target} is not known."),
        SocketError.TimedOut => new ForwardAnswer(ForwardStatus.TimedOut, $"{target} did not answer."),
        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable => new ForwardAnswer(ForwardStatus.LimitReached, "The sharing host has no descriptors left."),
        _ => new ForwardAnswer(ForwardStatus.Unreachable, $"There is no way to {target}: {exception.Message}"),
    };
}
