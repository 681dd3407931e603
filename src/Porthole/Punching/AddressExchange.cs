using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Porthole.Protocol;

namespace Porthole.Punching;

/// <summary>
/// What two peers tell each other over a stream of their session before a raw punch, one line each:
/// <c>porthole-punch/1 udp|tcp MAPPED LOCAL|- HEX</c>. The last word is a share of the cookie, 32 random bytes.
/// </summary>
internal static class AddressExchange
{
    private const string Version = "porthole-punch/1";
    private const string Hidden = "-";
    private const int ShareSize = 32;

    /// <summary>Two IPv6 addresses with ports, a share in hexadecimal digits, and room.</summary>
    private const int MaxLine = 256;

    /// <summary>Two hosts behind one NAT whose own addresses share this prefix are on one network: an IPv4 network of the usual size, an IPv6 link.</summary>
    private const int LanPrefixIPv4 = 24, LanPrefixIPv6 = 64;

    /// <summary>How long the other side may take: both programs come to this at about the same time.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>A STUN port of the node's server.</summary>
    public static async Task<IPEndPoint> FindServerAsync(PeerConnection connection, AddressFamily family)
    {
        var servers = (await connection.GetStunServersAsync().ConfigureAwait(false)).Where(one => one.Family == family).Select(static one => one.ToEndPoint());
        return servers.FirstOrDefault() ?? throw new PunchException(PunchStep.Mapping, "The server has named no STUN port of this address family. Is it a Porthole server, and its STUN port open?");
    }

    public static async Task<(IPEndPoint Remote, byte[] Cookie)> RunAsync(
        PeerConnection connection, string transport, IPEndPoint local, IPEndPoint mapped, IPEndPoint server, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(s_patience);
        try
        {
            var stream = connection.IsIncoming ? await connection.AcceptStreamAsync(late.Token).ConfigureAwait(false) : await connection.OpenStreamAsync(late.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                byte[] share = RandomNumberGenerator.GetBytes(ShareSize);
                var own = connection.HidesLan ? null : Specific(local, server);
                string line = $"{Version} {transport} {mapped} {own?.ToString() ?? Hidden} {Convert.ToHexString(share)}\n";
                await stream.WriteAsync(Encoding.ASCII.GetBytes(line), late.Token).ConfigureAwait(false);
                string answer = await ReadLineAsync(stream, late.Token).ConfigureAwait(false);
                if (!TryParse(answer, transport, out var theirs)) throw new PunchException(PunchStep.Mapping, $"The peer does not punch by {transport.ToUpperInvariant()} at the same time: it says something else. Do both programs call the same method?");
                var remote = own is not null && theirs.Local is not null && AreOnOneNetwork(mapped, own, theirs.Mapped, theirs.Local) ? theirs.Local : theirs.Mapped;
                return (remote, CookieOf(share, theirs.Share));
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PunchException(PunchStep.Mapping, $"The peer did not tell its address within {s_patience.TotalSeconds:0} s. Does its program punch at the same time?");
        }
    }

    private static bool AreOnOneNetwork(IPEndPoint mapped, IPEndPoint local, IPEndPoint theirMapped, IPEndPoint theirLocal)
    {
        var (here, there) = (TransportAddress.FromEndPoint(local), TransportAddress.FromEndPoint(theirLocal));
        return mapped.Address.Equals(theirMapped.Address) && here.SharesPrefix(there, here.IsIPv6 ? LanPrefixIPv6 : LanPrefixIPv4);
    }

    private static byte[] CookieOf(byte[] one, byte[] other)
    {
        bool isFirst = one.AsSpan().SequenceCompareTo(other) < 0;
        return SHA256.HashData((byte[])[.. isFirst ? one : other, .. isFirst ? other : one]);
    }

    /// <summary>The local address that packets to the server leave from, where the socket is bound to all.</summary>
    private static IPEndPoint? Specific(IPEndPoint local, IPEndPoint server)
    {
        if (!local.Address.Equals(IPAddress.Any) && !local.Address.Equals(IPAddress.IPv6Any)) return local;
        try
        {
            using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(server); // sends nothing
            return new IPEndPoint(((IPEndPoint)socket.LocalEndPoint!).Address, local.Port);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static async Task<string> ReadLineAsync(Stream stream, CancellationToken cancellationToken)
    {
        byte[] line = new byte[MaxLine];
        int length = 0;
        while (length < line.Length)
        {
            int count = await stream.ReadAsync(line.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (count == 0) break;
            length += count;
            if (line[length - 1] == '\n') break;
        }

        return Encoding.ASCII.GetString(line, 0, length);
    }

    private static bool TryParse(string line, string transport, out (IPEndPoint Mapped, IPEndPoint? Local, byte[] Share) said)
    {
        said = default;
        if (line is not [.., '\n'] || line[..^1].Split(' ') is not [Version, var by, var mappedText, var localText, var shareText] || by != transport) return false;
        if (!TransportAddress.TryParse(mappedText, out var mapped) || mapped.Port == 0 || shareText.Length != ShareSize * 2 || !shareText.All(char.IsAsciiHexDigit)) return false;
        TransportAddress local = default;
        if (localText != Hidden && (!TransportAddress.TryParse(localText, out local) || local.Port == 0)) return false;
        said = (mapped.ToEndPoint(), localText == Hidden ? null : local.ToEndPoint(), Convert.FromHexString(shareText));
        return true;
    }
}
