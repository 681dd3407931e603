using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Forwarding;

/// <summary>Reads ports as people write them on a command line, and says in one line what is wrong with one.</summary>
internal static class PortWords
{
    /// <summary>How long a UDP flow lives without a datagram, where nothing else is said (RFC 4787 section 4.3, REQ-5).</summary>
    public static readonly TimeSpan StandardUdpTimeout = TimeSpan.FromMinutes(2);

    private const int DaySeconds = 86_400;
    private const string Forms = "use PORT, HOST:PORT, or either with /udp behind it";

    /// <summary>The option for the life of UDP flows.</summary>
    public static Option<TimeSpan?> UdpTimeout() => new("--udp-timeout")
    {
        Description = "How long a UDP flow lives without a datagram (default: 120).", HelpName = "SECONDS", CustomParser = Parsers.Seconds(1, DaySeconds),
    };

    /// <summary>Reads what is shared.</summary>
    /// <param name="ports">The ports.</param>
    /// <param name="only">What is for some peers alone, as PEER:PORT[,PORT…].</param>
    /// <exception cref="PeerException">One of them makes no sense.</exception>
    public static ImmutableArray<SharedPort> ParseShared(IReadOnlyList<string> ports, IReadOnlyList<string> only)
    {
        var shared = new Dictionary<ForwardTarget, SharedPort>();
        foreach (string text in ports)
        {
            var target = ParseTarget(text);
            shared.TryAdd(target, new SharedPort(target));
        }

        foreach (string text in only)
        {
            var (peer, rest) = SplitPeer(text, "'--only' takes PEER:PORT, as in '--only alice:22'");
            foreach (string port in rest.Split(','))
            {
                var target = ParseTarget(port);
                if (!shared.TryGetValue(target, out var known)) throw Bad($"'--only {text}' is about {target}, which is not among the ports to share. Add {target} to them.");
                shared[target] = known with { Peers = known.Peers.Add(peer) };
            }
        }

        return [.. shared.Values];
    }

    /// <summary>Reads what is forwarded: pairs of [BIND:]PORT and PEER:PORT, or one PEER:PORT alone, which has the same port here.</summary>
    /// <exception cref="PeerException">One of them makes no sense.</exception>
    public static ImmutableArray<(PeerTarget Peer, ForwardedPort Port)> ParseForwarded(IReadOnlyList<string> words)
    {
        if (words is [var alone])
        {
            var (peer, target) = ParseRemote(alone);
            return [(peer, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, target.Port), target))];
        }

        if (words.Count % 2 != 0) throw Bad("Give pairs of a local port and what it leads to: 'porthole forward 8080 bob:80 2222 bob:22'.");
        var pairs = ImmutableArray.CreateBuilder<(PeerTarget, ForwardedPort)>();
        for (int i = 0; i < words.Count; i += 2)
        {
            var (local, isUdp) = ParseLocal(words[i]);
            var (peer, target) = ParseRemote(words[i + 1]);
            if (isUdp) ForwardTarget.TryCreate(ForwardKind.Udp, target.Host, target.Port, out target!);
            pairs.Add((peer, new ForwardedPort(local, target)));
        }

        return pairs.ToImmutable();
    }

    /// <summary>Reads PEER:PORT or PEER:HOST:PORT.</summary>
    /// <exception cref="PeerException">It makes no sense.</exception>
    public static (PeerTarget Peer, ForwardTarget Target) ParseRemote(string text)
    {
        var (peer, rest) = SplitPeer(text, $"'{text}' leads nowhere: use PEER:PORT or PEER:HOST:PORT, as in bob:22");
        return (peer, ParseTarget(rest));
    }

    /// <summary>The kind as people and JSON have it.</summary>
    public static string Code(this ForwardKind kind) => kind switch
    {
        ForwardKind.Tcp => "tcp",
        ForwardKind.Udp => "udp",
    };

    private static ForwardTarget ParseTarget(string text) => ForwardTarget.TryParse(text, out var target) ? target : throw Bad($"'{text}' is no port to reach: {Forms}.");

    private static (PeerTarget Peer, string Port) SplitPeer(string text, string otherwise)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && PeerTarget.TryParse(text[..colon], out var peer) ? (peer, text[(colon + 1)..]) : throw Bad($"{otherwise}.");
    }

    private static (IPEndPoint Local, bool IsUdp) ParseLocal(string text)
    {
        bool isUdp = text.EndsWith("/udp", StringComparison.Ordinal);
        string rest = isUdp || text.EndsWith("/tcp", StringComparison.Ordinal) ? text[..^4] : text;
        int colon = rest.LastIndexOf(':');
        string bind = colon < 0 ? "127.0.0.1" : rest[..colon];
        var address = bind switch
        {
            "localhost" => IPAddress.Loopback,
            "*" => IPAddress.Any,
            ['[', .. var inside, ']'] => IPAddress.TryParse(inside, out var six) && six.AddressFamily == AddressFamily.InterNetworkV6 ? six : null,
            _ => IPAddress.TryParse(bind, out var four) && four.ToString() == bind && four.AddressFamily == AddressFamily.InterNetwork ? four : null, // 1.2.3 is an address to some, and a slip to most
        };
        return address is not null && int.TryParse(rest.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port <= ushort.MaxValue
            ? (new IPEndPoint(address, port), isUdp)
            : throw Bad($"'{text}' is nothing to listen on: use PORT, or ADDRESS:PORT with an address of this host, as in 0.0.0.0:8080.");
    }

    private static PeerException Bad(string message) => new(PeerError.BadRequest, message);
}
