using System.Collections.Immutable;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>Who a peer is, where its server is, and whom it takes connections from.</summary>
public sealed record PeerMachineOptions
{
    /// <summary>The port that is bound first; where it is taken another will do.</summary>
    public const ushort DefaultPort = 8900;

    /// <summary>The peer's key pair.</summary>
    public required IdentityKey Identity { get; init; }

    /// <summary>The rendezvous server, and the token it may ask for.</summary>
    public required RendezvousClientOptions Server { get; init; }

    /// <summary>The name to register; null to be found by id alone.</summary>
    public string? Name { get; init; }

    /// <summary>Whose connections to take.</summary>
    public AcceptPolicy Accept { get; init; } = AcceptPolicy.Nobody;

    /// <summary>The peers that <see cref="AcceptPolicy.Known"/> and <see cref="AcceptPolicy.Ask"/> let in without a question.</summary>
    public ImmutableArray<PeerId> Allowed { get; init; } = [];

    /// <summary>Who sees this peer online.</summary>
    public PresenceMode Presence { get; init; }

    /// <summary>The room of <see cref="PresenceMode.Room"/>.</summary>
    public string? Room { get; init; }

    /// <summary>The keys that were met before.</summary>
    public IKnownPeers KnownPeers { get; init; } = NoKnownPeers.Instance;

    /// <summary>How many connections of callers there may be at once; further calls are turned away.</summary>
    public int MaxIncoming { get; init; } = 256;

    /// <summary>The port to bind on every local address, UDP and TCP.</summary>
    public ushort Port { get; init; } = DefaultPort;

    /// <summary>Whether another port will do where <see cref="Port"/> is taken.</summary>
    public bool AnyPortInstead { get; init; } = true;

    /// <summary>By what direct paths are looked for; of a transport that is left out no candidate is registered, no check is sent or answered.</summary>
    public Transports Transports { get; init; } = Transports.All;

    /// <summary>The direct path to use where both kinds open at similar round trips: <see cref="PathKind.Udp"/> or <see cref="PathKind.Tcp"/>.</summary>
    public PathKind Prefer { get; init; } = PathKind.Udp;

    /// <summary>Whether the relay is all that is wanted.</summary>
    public bool RelayOnly => Transports == Transports.None;

    /// <summary>Whether to keep the addresses of local networks from everybody.</summary>
    public bool HideLan { get; init; }

    /// <summary>Whether to have the gateway map a port, where a NAT stands between (PCP, NAT-PMP, UPnP).</summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>How long a connect may take, from the call until the session stands.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How sessions behave.</summary>
    public SessionOptions Session { get; init; } = new() { KeepAlive = TimeSpan.FromSeconds(15) };
}
