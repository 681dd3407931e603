using System.Collections.Immutable;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>What the links of one peer share.</summary>
internal sealed class PeerContext
{
    private int _connections;

    private PeerContext(PeerMachineOptions options, EntropySource entropy) =>
        (Options, Entropy, Nat) = (options, entropy, NatFacts.Unknown with { RelayOnly = options.RelayOnly });

    public PeerMachineOptions Options { get; }

    public EntropySource Entropy { get; }

    public required RendezvousClient Rendezvous { get; init; }

    public required LocalSockets Sockets { get; init; }

    public Queue<PeerEvent> Events { get; } = [];

    public CheckBudget Checks { get; } = new();

    /// <summary>This side's candidates, newest findings included.</summary>
    public ImmutableArray<Candidate> Candidates { get; set; } = [];

    /// <summary>What this side knows of its NAT.</summary>
    public NatFacts Nat { get; set; }

    /// <summary>Whether a punch would have what it needs: a registration, and the findings of the probe.</summary>
    public bool IsReadyToPunch { get; set; }

    /// <summary>Whether the main connection takes no more relayed packets for now.</summary>
    public bool IsRelayCongested { get; set; }

    public PeerId Self => Options.Identity.PeerId;

    /// <summary>Sets up what the links of one peer share.</summary>
    public static PeerContext Create(PeerMachineOptions options, EntropySource entropy)
    {
        int sockets = 0;
        SocketId NextSocket() => new(++sockets);
        return new PeerContext(options, entropy)
        {
            Rendezvous = new RendezvousClient(options.Server, options.Identity, entropy, NextSocket),
            Sockets = new LocalSockets(options.Port, options.AnyPortInstead, NextSocket),
        };
    }

    public ConnectionHandle NextConnection() => new(++_connections);
}
