using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Stun;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Cli.Check;

/// <summary>A check with any STUN servers, without a Porthole server.</summary>
internal static class StunCheck
{
    /// <summary>The port of a server that is named without one (RFC 8489 section 18.6).</summary>
    public const ushort StandardPort = 3478;

    /// <summary>What is wrong with a text that names no server.</summary>
    public const string BadServer = "is no STUN server: use HOST or HOST:PORT, and brackets around an IPv6 address.";

    /// <summary>How long a server that did not answer is looked at again, to say what is wrong with it.</summary>
    private static readonly TimeSpan s_secondLook = TimeSpan.FromSeconds(1);

    /// <summary>Reads <c>HOST</c>, <c>HOST:PORT</c>, or an IPv6 address in brackets.</summary>
    public static bool TryParse(string text, out string host, out ushort port)
    {
        (host, port) = (text, StandardPort);
        int colon = text.LastIndexOf(':');
        bool hasPort = colon >= 0 && !text.EndsWith(']') && (text.IndexOf(':', StringComparison.Ordinal) == colon || text[colon - 1] == ']');
        if (hasPort)
        {
            host = text[..colon];
            if (!ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) || port == 0) return false;
        }

        if (host.StartsWith('[') && host.EndsWith(']')) host = host[1..^1];
        return Uri.CheckHostName(host) != UriHostNameType.Unknown;
    }

    /// <summary>Asks the servers, and says what is wrong if none answers.</summary>
    /// <param name="servers">The servers as they were named.</param>
    /// <param name="network">Where sockets come from.</param>
    /// <param name="localPort">The UDP port to ask from; 0 for any.</param>
    /// <param name="logger">Where a failing machine is reported.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>What was found out, with at least one answer.</returns>
    /// <exception cref="PeerException">A name cannot be resolved, nothing answers, or what answers is no STUN server.</exception>
    public static async Task<NatReport> RunAsync(IReadOnlyList<string> servers, INetwork network, ushort localPort, ILogger logger, CancellationToken cancellationToken)
    {
        var addresses = new List<TransportAddress>();
        foreach (string server in servers) addresses.AddRange(await ResolveAsync(server, cancellationToken).ConfigureAwait(false));
        var report = await NatCheck.RunAsync(addresses, localPort, logger: logger, network: network, cancellationToken: cancellationToken).ConfigureAwait(false);
        return report.IsUdpReachable ? report : throw await ExplainAsync(servers[0], addresses[0], cancellationToken).ConfigureAwait(false);
    }

    private static async Task<TransportAddress[]> ResolveAsync(string server, CancellationToken cancellationToken)
    {
        if (!TryParse(server, out string host, out ushort port)) throw new PeerException(PeerError.BadRequest, $"'{server}' {BadServer}");
        IPAddress[] found;
        try
        {
            found = await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            throw new PeerException(PeerError.ServerUnreachable, $"The name '{host}' cannot be resolved: look for a slip of the pen, and whether this host is online.");
        }

        // One of each family: a name with many addresses may stand for many servers, of which some are far away.
        return [.. found.GroupBy(static one => one.AddressFamily).Select(group => TransportAddress.From(group.First(), port)).OrderBy(static one => one.IsIPv6)];
    }

    /// <summary>Asks once more, with a socket that hears what the network says: why there was no answer.</summary>
    private static async Task<PeerException> ExplainAsync(string server, TransportAddress address, CancellationToken cancellationToken)
    {
        using var socket = new Socket(address.Family, SocketType.Dgram, ProtocolType.Udp);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(s_secondLook);
        byte[] question = new byte[64], answer = new byte[2_048];
        try
        {
            await socket.ConnectAsync(address.ToEndPoint(), late.Token).ConfigureAwait(false);
            int length = new StunWriter(question, StunClass.Request, StunMethod.Binding, TransactionId.Create(OperatingSystemEntropy.Instance)).Length;
            await socket.SendAsync(question.AsMemory(0, length), late.Token).ConfigureAwait(false);
            int received = await socket.ReceiveAsync(answer, late.Token).ConfigureAwait(false);
            return StunReader.TryParse(answer.AsSpan(0, received), out _)
                ? new PeerException(PeerError.TimedOut, $"{server} answers too late, or too seldom. Try again, or another server.")
                : new PeerException(PeerError.NotAServer, $"What answers at {server} is no STUN server. Name the host and the UDP port of one.");
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
        {
            return new PeerException(PeerError.ServerUnreachable, $"Nothing listens at {server} for UDP. Name the host and the UDP port of a STUN server.");
        }
        catch (SocketException exception)
        {
            return new PeerException(PeerError.ServerUnreachable, $"{server} cannot be reached: {exception.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new PeerException(PeerError.UdpBlocked, $"No answer by UDP from {server}: a firewall here drops UDP, or no STUN server listens there. Try another.");
        }
    }
}
