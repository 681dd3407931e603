using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Diagnostics;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;
using Porthole.Sockets;

namespace Porthole;

/// <summary>Who a peer is, where its server is, and whom it takes connections from. Every property checks its value.</summary>
public sealed record PeerOptions
{
    /// <summary>The longest time-out: what a timer can wait for is little more.</summary>
    private static readonly TimeSpan s_longestTimeout = TimeSpan.FromDays(24);

    /// <summary>The rendezvous server.</summary>
    public required ServerAddress Server { get; init; }

    /// <summary>The name to register; null to be found by id alone.</summary>
    /// <exception cref="ArgumentException">The text is no name.</exception>
    public string? Name
    {
        get;
        init => field = value is null || PeerName.IsValid(value)
            ? value
            : throw new ArgumentException("A name has 1 to 32 of a-z, 0-9, '-', '_' and '.', and begins with a letter or a digit.", nameof(value));
    }

    /// <summary>The access token that the server may ask for.</summary>
    /// <exception cref="ArgumentException">It is longer than any token.</exception>
    public string? Token
    {
        get;
        init => field = value is null || value.Length <= RendezvousLimits.MaxToken
            ? value
            : throw new ArgumentException($"An access token has at most {RendezvousLimits.MaxToken} characters.", nameof(value));
    }

    /// <summary>The peer's key pair; the caller keeps and disposes it. Null to use <see cref="IdentityPath"/>.</summary>
    public IdentityKey? Identity { get; init; }

    /// <summary>The file of the peer's key pair; it is created if it does not exist. Null is the user's own (<see cref="IdentityFile.DefaultPath"/>).</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public string? IdentityPath
    {
        get;
        init => field = value is not "" ? value : throw new ArgumentException("The path of an identity file is not empty.", nameof(value));
    }

    /// <summary>The peers that were met before; null for the user's own file.</summary>
    public KnownPeers? KnownPeers { get; init; }

    /// <summary>The servers that were used before; null for the user's own file.</summary>
    public KnownServers? KnownServers { get; init; }

    /// <summary>Whose connections to take.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no policy.</exception>
    public AcceptPolicy Accept
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "It is no accept policy.");
    } = AcceptPolicy.Nobody;

    /// <summary>The peers that <see cref="AcceptPolicy.Known"/> and <see cref="AcceptPolicy.Ask"/> let in without a question, beside the known peers.</summary>
    /// <exception cref="ArgumentException">There are more than a server takes.</exception>
    public ImmutableArray<PeerId> Allowed
    {
        get;
        init => field = value.IsDefault ? [] : value.Length <= RendezvousLimits.MaxListedPeers
            ? value
            : throw new ArgumentException($"At most {RendezvousLimits.MaxListedPeers} peers can be listed.", nameof(value));
    } = [];

    /// <summary>
    /// Whether callers that are let in are written down among the known peers, as everyone is whom this peer calls. Where anyone may call, false keeps a
    /// stranger from being let in later because it was here once (<see cref="AcceptPolicy.Known"/>); <see cref="PeerConnection.Remember"/> writes down who is welcome.
    /// </summary>
    public bool RemembersCallers { get; init; } = true;

    /// <summary>Who sees this peer online; <see cref="PresenceMode.Room"/> needs a <see cref="Room"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no mode.</exception>
    public PresenceMode Presence
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "It is no presence mode.");
    }

    /// <summary>The room of <see cref="PresenceMode.Room"/>.</summary>
    /// <exception cref="ArgumentException">It is empty or too long, or has a character that a server does not take.</exception>
    public string? Room
    {
        get;
        init => field = value is null || IsRoom(value)
            ? value
            : throw new ArgumentException($"A room has 1 to {RendezvousLimits.MaxRoom} characters, none of them a control character or beyond U+FFFF.", nameof(value));
    }

    /// <summary>The one local address to use; null, 0.0.0.0 or :: for all that are of use.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>The port, UDP and TCP, 1 to 65,535, which must be free; null for 8900, or another if that is taken.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no port.</exception>
    public int? Port
    {
        get;
        init => field = value is null or (>= 1 and <= ushort.MaxValue)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A port is 1 to 65535.");
    }

    /// <summary>By what direct paths are looked for; with <see cref="Transports.None"/> no local address is told to anybody, and no check is sent or answered.</summary>
    public Transports Transports { get; init; } = Transports.All;

    /// <summary>The direct path to use where both kinds open: <see cref="PathKind.Udp"/>, or <see cref="PathKind.Tcp"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no direct path.</exception>
    public PathKind Prefer
    {
        get;
        init => field = value is PathKind.Udp or PathKind.Tcp ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "UDP or TCP can be preferred.");
    } = PathKind.Udp;

    /// <summary>Whether to keep the addresses of local networks from everybody.</summary>
    public bool HideLan { get; init; }

    /// <summary>
    /// Whether to have the gateway of the local network map a port for this peer, where a NAT stands between (PCP, NAT-PMP or UPnP). The mapping is given back at
    /// the end, and ends by itself after an hour.
    /// </summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>How long <see cref="PeerNode.StartAsync"/> may take, a millisecond to 24 days.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is shorter or longer.</exception>
    public TimeSpan StartTimeout { get; init => field = Timeout(value); } = TimeSpan.FromSeconds(20);

    /// <summary>How long a connect may take, from the call until the session stands, a millisecond to 24 days. A peer that asks a person takes longer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is shorter or longer.</exception>
    public TimeSpan ConnectTimeout { get; init => field = Timeout(value); } = TimeSpan.FromSeconds(30);

    /// <summary>How sessions behave.</summary>
    public SessionOptions Session { get; init; } = new PeerMachineOptions { Identity = null!, Server = null! }.Session;

    /// <summary>Where the library logs.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where sockets come from; null for this host's.</summary>
    public INetwork? Network { get; init; }

    /// <summary>
    /// Is handed every event of the machine before the library acts on it, on the machine's thread: for tools that show a connection as it is made. It must
    /// not wait.
    /// </summary>
    public Action<PeerEvent>? Observer { get; init; }

    /// <summary>Is shown how connections are made, packet by packet; null for nobody, which costs nothing.</summary>
    public IPeerTrace? Trace { get; init; }

    /// <summary>The server and the name; never the token.</summary>
    public override string ToString() => $"{Name ?? "a peer without a name"} at {Server}";

    /// <summary>Whether a server takes it as the name of a room.</summary>
    internal static bool IsRoom(string text) => text.Length is > 0 and <= RendezvousLimits.MaxRoom && !text.Any(static one => char.IsControl(one) || char.IsSurrogate(one));

    private static TimeSpan Timeout(TimeSpan value) => value >= TimeSpan.FromMilliseconds(1) && value <= s_longestTimeout
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value, $"A time-out is a millisecond to {s_longestTimeout.TotalDays} days.");
}
