using System.Collections.Immutable;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>What the links of one peer share.</summary>
internal sealed class PeerContext(PeerMachineOptions options, EntropySource entropy)
{
    private int _connections;

    public PeerMachineOptions Options { get; } = options;

    public EntropySource Entropy { get; } = entropy;

    public RendezvousClient Rendezvous { get; } = new(options.Server, options.Identity, entropy);

    public LocalSockets Sockets { get; } = new(options.Port, options.AnyPortInstead);

    public Queue<PeerEvent> Events { get; } = [];

    /// <summary>This side's candidates, newest findings included.</summary>
    public ImmutableArray<Candidate> Candidates { get; set; } = [];

    /// <summary>What this side knows of its NAT.</summary>
    public NatFacts Nat { get; set; } = NatFacts.Unknown;

    /// <summary>Whether a punch would have what it needs: a registration, and the findings of the probe.</summary>
    public bool IsReadyToPunch { get; set; }

    public PeerId Self => Options.Identity.PeerId;

    public ConnectionHandle NextConnection() => new(++_connections);
}
