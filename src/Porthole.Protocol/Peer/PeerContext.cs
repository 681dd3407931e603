using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Peer;

/// <summary>What the links of one peer share.</summary>
internal sealed class PeerContext
{
    private int _connections;
    private int _sockets;

    private PeerContext(PeerMachineOptions options, EntropySource entropy)
    {
        (Options, Entropy, Nat) = (options, entropy, NatFacts.Unknown with { RelayOnly = options.RelayOnly, TcpOnly = options.Transports == Transports.Tcp });
        Allowed = options.Allowed;
        Rendezvous = new RendezvousClient(options.Server, options.Identity, entropy, NextSocket);
        Sockets = new LocalSockets(options.Port, options.AnyPortInstead, NextSocket);
        TcpPorts = new LocalTcpPorts(options.AnyPortInstead, NextSocket);
        Probing = NatProbeOptions.Default with { HideLocal = options.HideLan };
        Background = new BackgroundProbes(entropy, NextSocket);
        (Probe, TcpProbe) = (new NatProbe(Probing, entropy, NextSocket), new TcpNatProbe(Probing, entropy, NextSocket));
    }

    public PeerMachineOptions Options { get; }

    public EntropySource Entropy { get; }

    public RendezvousClient Rendezvous { get; }

    /// <summary>The peers that are let in without a question, beside the known ones.</summary>
    public ImmutableArray<PeerId> Allowed { get; set; }

    public LocalSockets Sockets { get; }

    public LocalTcpPorts TcpPorts { get; }

    public NatProbeOptions Probing { get; }

    public NatProbe Probe { get; }

    public TcpNatProbe TcpProbe { get; }

    public PortMappings Ports => field ??= new PortMappings(this);

    public UnclaimedConnections Unclaimed { get; } = new();

    public Queue<PeerEvent> Events { get; } = [];

    /// <summary>Requests of parts that are no more: their sockets are still to be closed.</summary>
    public Queue<SocketRequest> Requests { get; } = [];

    public CheckBudget Checks { get; } = new(CheckBudget.ChecksPerSecond);

    public CheckBudget Connects { get; } = new(CheckBudget.ConnectsPerSecond);

    public SprayBudget Sprays { get; } = new();

    /// <summary>This side's UDP candidates, newest findings included.</summary>
    public ImmutableArray<Candidate> Candidates { get; set; } = [];

    /// <summary>What this side knows of its NAT.</summary>
    public NatFacts Nat { get; set; }

    /// <summary>The server's STUN ports; none before the first welcome.</summary>
    public ImmutableArray<TransportAddress> StunServers { get; set; } = [];

    /// <summary>The credential for them.</summary>
    public ShortTermCredential? StunCredential { get; set; }

    /// <summary>Whether a punch would have what it needs: a registration, and the findings of the probe.</summary>
    public bool IsReadyToPunch { get; set; }

    /// <summary>Whether the main connection takes no more relayed packets for now.</summary>
    public bool IsRelayCongested { get; set; }

    public BackgroundProbes Background { get; }

    /// <summary>How many punches make TCP connections now: while there are any, the mappings of the punching ports are kept alive.</summary>
    public int TcpPunches { get; set; }

    public PeerId Self => Options.Identity.PeerId;

    /// <summary>Sets up what the links of one peer share.</summary>
    public static PeerContext Create(PeerMachineOptions options, EntropySource entropy) => new(options, entropy);

    public ConnectionHandle NextConnection() => new(++_connections);

    public SocketId NextSocket() => new(++_sockets);

    /// <summary>Whether direct paths of a transport are wanted.</summary>
    public bool Wants(Transports transport) => (Options.Transports & transport) != 0;
}
